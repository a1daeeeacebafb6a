//! A local may not outlive its scope.

use deltic::heap::{DescriptorRef, HandleScope};

fn wrong(scope: &mut HandleScope<'_, '_>, ty: DescriptorRef) {
    let local = {
        let mut inner = scope.open();
        inner.allocate(ty).unwrap()
    };
    scope.no_gc().get(local);
}

fn main() {}
