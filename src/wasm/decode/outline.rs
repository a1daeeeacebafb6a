//! Which bytes of a module nobody looks at who knows that it is valid and where its bodies are.

use std::ops::Range;

use wasmparser::BinaryReader;

/// Contents of fewer bytes are as soon read as left.
const LEFT_BYTES_MIN: usize = 4 << 10;
const LEFT_DATA_BYTES_MIN: usize = 256 << 10;
/// Headers of more sections are not looked at.
const SECTIONS_MAX: usize = 1_000;
/// A header with a name of usual length.
const HEADER_BYTES: usize = 64;
/// What stands in front of bodies and of data segments: their number.
const COUNT_BYTES: usize = 5;

/// Ranges of a module's bytes without which [`decode_trusted`](super::decode_trusted) does: bodies, data
/// segments if they are large, and the contents of large custom sections behind the bodies that say nothing of how functions are compiled. They are in order and do not touch. `read` gives as many bytes at a position as there are, up to the length of the buffer.
///
/// Nothing for what is no binary module, or has sections that go beyond `len` bytes.
pub fn left_out(len: usize, mut read: impl FnMut(usize, &mut [u8]) -> Option<usize>) -> Option<Vec<Range<usize>>> {
    let mut buffer = [0; HEADER_BYTES];
    let mut left = Vec::new();
    let mut header = |position: usize| read(position, &mut buffer).map(|count| buffer[..count.min(HEADER_BYTES)].to_vec());
    if !header(0)?.starts_with(b"\0asm\x01\0\0\0") {
        return None;
    }
    let (mut position, mut is_behind_code) = (8, false);
    for _ in 0..SECTIONS_MAX {
        if position == len {
            break;
        }
        let bytes = header(position)?;
        let (&id, section) = bytes.split_first()?;
        let mut reader = BinaryReader::new(section, 0);
        let contents_len = reader.read_var_u32().ok()? as usize;
        let start = position.checked_add(1 + reader.current_position())?;
        let end = start.checked_add(contents_len).filter(|&end| end <= len)?;
        let from = match id {
            0 if is_behind_code => match reader.read_string() {
                Ok(name) if !name.starts_with("metadata.") => Some(position + 1 + reader.current_position()),
                _ => None,
            },
            10 => Some(start + COUNT_BYTES),
            // Others than active segments are wanted as they are, not laid out.
            11 if contents_len >= LEFT_DATA_BYTES_MIN
                && reader.read_var_u32().is_ok()
                && reader.read_u8().is_ok_and(|flags| flags == 0) =>
            {
                Some(start + COUNT_BYTES)
            }
            _ => None,
        };
        left.extend(from.map(|from| from..end).filter(|range| range.end >= range.start.saturating_add(LEFT_BYTES_MIN)));
        is_behind_code |= id == 10;
        position = end;
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_large_custom_sections_are_left_out() {
        let large = "x".repeat(5_000);
        let bodies = "(func nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop)".repeat(300);
        let text = format!(
            r#"(module (@custom ".debug" (before first) "{large}") (@custom "metadata.code.any" (before first) "{large}") (memory 1) {bodies}
                (data (i32.const 0) "{large}") (@custom "small" "abc") (@custom ".debug_2" (after last) "{large}") (@custom "end" (after last) "{large}"))"#
        );
        let bytes = wat::parse_str(text).expect("a module");
        let read = |position: usize, into: &mut [u8]| {
            let rest = bytes.get(position..)?;
            let count = rest.len().min(into.len());
            into[..count].copy_from_slice(&rest[..count]);
            Some(count)
        };
        let left = left_out(bytes.len(), read).expect("a module");
        assert_eq!(left.len(), 3, "{left:?}");
        assert_eq!([left[1].len(), left[2].len()], [5_000, 5_000]);
        assert!(left.windows(2).all(|pair| pair[0].end < pair[1].start));
        assert!(bytes[left[1].clone()].iter().chain(&bytes[left[2].clone()]).all(|&byte| byte == b'x'));
        assert!(left[0].len() > 300 * 20);
        assert_eq!(left_out(bytes.len() - 1, read), None, "a section goes beyond the end");
        assert_eq!(left_out(7, |_, _| Some(0)), None);
        for len in 0..bytes.len().min(200) {
            let _ = left_out(len, |position, into| read(position, into).map(|count| count.min(len.saturating_sub(position))));
        }
    }
}
