//! A parent may not be used while its child is open.

use deltic::heap::{DescriptorRef, HandleScope};

fn wrong(scope: &mut HandleScope<'_, '_>, ty: DescriptorRef) {
    let mut inner = scope.open();
    scope.allocate(ty).unwrap();
    inner.allocate(ty).unwrap();
}

fn main() {}
