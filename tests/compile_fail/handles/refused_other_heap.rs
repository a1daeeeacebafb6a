//! A local of one heap may not be read through another.

use deltic::heap::{DescriptorRef, Heap, NoRoots};

fn wrong(one: &mut Heap, other: &mut Heap, ty: DescriptorRef) {
    one.enter(&mut NoRoots, |one| {
        let local = one.allocate(ty).unwrap();
        other.enter(&mut NoRoots, |other| {
            other.no_gc().get(local);
        });
    });
}

fn main() {}
