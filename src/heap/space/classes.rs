//! Size classes: cells of the old generation come in so many sizes.
//!
//! Steps of 8 bytes up to 128, then four classes to a doubling: at most a quarter of a cell is wasted, and usually less than an eighth.

/// Largest cell. What is larger has blocks of its own.
pub const MAX_CELL_BYTES: u32 = 16 * 1024;
/// Number of classes.
pub const CLASS_COUNT: usize = 15 + 4 * 7;

/// Number of a class.
pub type Class = u8;

/// Bytes of a class's cells, a multiple of 8.
pub const fn cell_bytes(class: Class) -> u32 {
    let class = class as u32;
    if class < 15 {
        return 16 + 8 * class;
    }
    let (octave, quarter) = ((class - 15) / 4, (class - 15) % 4);
    (128 << octave) + (quarter + 1) * (32 << octave)
}

/// The class of the smallest cell that holds so many bytes. `bytes` is at most [`MAX_CELL_BYTES`].
#[inline(always)]
pub const fn class_of(bytes: u32) -> Class {
    if bytes <= 128 {
        return if bytes <= 16 { 0 } else { ((bytes - 16).div_ceil(8)) as Class };
    }
    let octave = (bytes - 1).ilog2() - 7;
    let quarter = (bytes - 1 - (128 << octave)) / (32 << octave);
    (15 + octave * 4 + quarter) as Class
}

#[cfg(test)]
mod tests {
    use super::{CLASS_COUNT, MAX_CELL_BYTES, cell_bytes, class_of};

    #[test]
    fn every_size_has_the_smallest_cell_that_holds_it() {
        assert_eq!(cell_bytes(CLASS_COUNT as u8 - 1), MAX_CELL_BYTES);
        for bytes in 1..=MAX_CELL_BYTES {
            let class = class_of(bytes);
            assert!(cell_bytes(class) >= bytes, "{bytes}");
            assert!(class == 0 || cell_bytes(class - 1) < bytes, "{bytes}");
            assert!(cell_bytes(class).is_multiple_of(8));
        }
    }
}
