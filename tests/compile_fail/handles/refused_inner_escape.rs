//! An inner local may not escape without the scope's door.

use deltic::heap::{DescriptorRef, HandleScope, Local};

fn wrong<'s, 'i>(scope: &mut HandleScope<'s, 'i>, ty: DescriptorRef) -> Local<'s, 'i> {
    let mut inner = scope.open();
    inner.allocate(ty).unwrap()
}

fn main() {}
