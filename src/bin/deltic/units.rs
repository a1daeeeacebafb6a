//! Sizes, durations and pairs on the command line.

use std::path::PathBuf;
use std::time::Duration;

/// Bytes: a number, with K, M or G for powers of 1,024.
pub fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((end, 'k' | 'K')) => (&text[..end], 10),
        Some((end, 'm' | 'M')) => (&text[..end], 20),
        Some((end, 'g' | 'G')) => (&text[..end], 30),
        _ => (text, 0),
    };
    let wrong = || format!("\"{text}\" is not a size such as 4096, 64K, 16M or 2G");
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

/// A time: a number, with s, ms or us; seconds without.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (digits, seconds) = if let Some(digits) = text.strip_suffix("ms") {
        (digits, 1e-3)
    } else if let Some(digits) = text.strip_suffix("us") {
        (digits, 1e-6)
    } else {
        (text.strip_suffix('s').unwrap_or(text), 1.0)
    };
    let wrong = || format!("\"{text}\" is not a time such as 2s, 1.5s, 250ms or 10us");
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// `KEY=VALUE`.
pub fn variable(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or_else(|| format!("\"{text}\" is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `HOST` or `HOST::GUEST`.
pub fn dir(text: &str) -> Result<(PathBuf, String), String> {
    let (host, guest) = text.split_once("::").unwrap_or((text, text));
    if host.is_empty() || guest.is_empty() {
        return Err(format!("\"{text}\" is not HOST or HOST::GUEST"));
    }
    Ok((host.into(), guest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("64K"), Ok(65_536));
        assert_eq!(size("2g"), Ok(2 << 30));
        for wrong in ["", "K", "-1", "1.5M", "99999999999G", "1KB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("10us"), Ok(Duration::from_micros(10)));
        for wrong in ["", "s", "-1s", "1h", "1e400s", "nan"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pairs() {
        assert_eq!(variable("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(variable("=x").is_err() && variable("x").is_err());
        assert_eq!(dir("."), Ok((".".into(), ".".into())));
        assert_eq!(dir("/tmp::/data"), Ok(("/tmp".into(), "/data".into())));
        assert!(dir("::/x").is_err());
    }
}
