//! A direct reference may not be held across an allocation.

use deltic::heap::{DescriptorRef, HandleScope};

fn wrong(scope: &mut HandleScope<'_, '_>, ty: DescriptorRef) {
    let local = scope.allocate(ty).unwrap();
    let direct = scope.no_gc().get(local);
    scope.allocate(ty).unwrap();
    direct.length();
}

fn main() {}
