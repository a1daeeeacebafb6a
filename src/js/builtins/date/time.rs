//! Time values and their parts (§21.4.1), and local time by the system's time zone.
#![forbid(unsafe_code)]

use crate::base::sync::OnceLock;

pub(super) const MS_PER_DAY: f64 = 86_400_000.0;
pub(super) const MS_PER_HOUR: f64 = 3_600_000.0;
pub(super) const MS_PER_MINUTE: f64 = 60_000.0;
pub(super) const MS_PER_SECOND: f64 = 1000.0;
/// The farthest times from the epoch.
const MAX_TIME: f64 = 8.64e15;

/// Day (§21.4.1.3).
pub(super) fn day(time: f64) -> f64 {
    (time / MS_PER_DAY).floor()
}

/// TimeWithinDay (§21.4.1.4).
pub(super) fn time_within_day(time: f64) -> f64 {
    time.rem_euclid(MS_PER_DAY)
}

/// The year, month from 0 and day of the month from 1 of a day number, by Hinnant's algorithm for the proleptic Gregorian calendar.
pub(super) fn civil(day: f64) -> (f64, f64, f64) {
    let shifted = day as i64 + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 2 } else { month - 10 };
    let year = year_of_era + era * 400 + i64::from(month < 2);
    (year as f64, month as f64, day_of_month as f64)
}

/// The number of the first day of a month.
fn day_of(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month < 2);
    let month = (month + 10) % 12;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The parts of a time value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    pub year: f64,
    pub month: f64,
    pub date: f64,
    pub hour: f64,
    pub minute: f64,
    pub second: f64,
    pub ms: f64,
    pub weekday: f64,
}

/// YearFromTime and its like (§21.4.1.5 to §21.4.1.13).
pub(super) fn parts(time: f64) -> Parts {
    let (year, month, date) = civil(day(time));
    let within = time_within_day(time);
    Parts {
        year,
        month,
        date,
        hour: (within / MS_PER_HOUR).floor(),
        minute: (within / MS_PER_MINUTE).floor() % 60.0,
        second: (within / MS_PER_SECOND).floor() % 60.0,
        ms: within % 1000.0,
        weekday: (day(time) + 4.0).rem_euclid(7.0),
    }
}

/// MakeTime (§21.4.1.27).
pub(super) fn make_time(hour: f64, minute: f64, second: f64, ms: f64) -> f64 {
    if ![hour, minute, second, ms].into_iter().all(f64::is_finite) {
        return f64::NAN;
    }
    hour.trunc() * MS_PER_HOUR + minute.trunc() * MS_PER_MINUTE + second.trunc() * MS_PER_SECOND + ms.trunc()
}

/// MakeDay (§21.4.1.28).
pub(super) fn make_day(year: f64, month: f64, date: f64) -> f64 {
    if ![year, month, date].into_iter().all(f64::is_finite) {
        return f64::NAN;
    }
    let (year, month, date) = (year.trunc(), month.trunc(), date.trunc());
    let whole = year + (month / 12.0).floor();
    if whole.abs() > 400_000.0 {
        return f64::NAN;
    }
    day_of(whole as i64, month.rem_euclid(12.0) as i64) as f64 + date - 1.0
}

/// MakeDate (§21.4.1.29).
pub(super) fn make_date(day: f64, time: f64) -> f64 {
    let date = day * MS_PER_DAY + time;
    if day.is_finite() && time.is_finite() && date.is_finite() { date } else { f64::NAN }
}

/// MakeFullYear (§21.4.1.30).
pub(super) fn make_full_year(year: f64) -> f64 {
    let whole = year.trunc();
    if (0.0..=99.0).contains(&whole) { 1900.0 + whole } else { whole }
}

/// TimeClip (§21.4.1.31).
pub(super) fn time_clip(time: f64) -> f64 {
    if !time.is_finite() || time.abs() > MAX_TIME { f64::NAN } else { time.trunc() + 0.0 }
}

/// The system's time zone (§21.4.1.25), as it was when it was first asked for.
fn zone() -> &'static jiff::tz::TimeZone {
    static ZONE: OnceLock<jiff::tz::TimeZone> = OnceLock::new();
    ZONE.get_or_init(jiff::tz::TimeZone::system)
}

/// The offset from UTC in ms at an instant, and the name of the time then.
pub(super) fn offset_at(time: f64) -> (f64, String) {
    // Where the library's range ends, the offset is that of its end.
    let limit = 253_402_207_200_000.0;
    let ms = time.clamp(-377_705_023_201_000.0_f64.min(limit), limit) as i64;
    let Ok(instant) = jiff::Timestamp::from_millisecond(ms) else { return (0.0, "UTC".to_owned()) };
    let info = zone().to_offset_info(instant);
    (f64::from(info.offset().seconds()) * 1000.0, info.abbreviation().to_owned())
}

/// LocalTime (§21.4.1.25.1).
pub(super) fn local_time(time: f64) -> f64 {
    if time.is_finite() { time + offset_at(time).0 } else { f64::NAN }
}

/// UTC (§21.4.1.26): of two instants with one local time the first, of a local time that is left out what it was before.
pub(super) fn utc(local: f64) -> f64 {
    if !local.is_finite() {
        return f64::NAN;
    }
    // The two offsets that may hold nearby.
    let (before, after) = (offset_at(local - MS_PER_DAY).0, offset_at(local + MS_PER_DAY).0);
    if before == after {
        return local - before;
    }
    for offset in [before, after] {
        if offset_at(local - offset).0 == offset {
            return local - offset;
        }
    }
    local - before
}

/// The time of the clock.
pub(super) fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |time| (time.as_secs_f64() * 1000.0).floor())
}

#[cfg(test)]
mod tests {
    use super::{civil, day_of, make_day, make_full_year, time_clip};

    #[test]
    fn days_and_dates_agree() {
        for day in (-100_000_000i64..=100_000_000).step_by(7919) {
            let (year, month, date) = civil(day as f64);
            assert_eq!(day_of(year as i64, month as i64) + date as i64 - 1, day);
        }
        assert_eq!(civil(0.0), (1970.0, 0.0, 1.0));
        assert_eq!(make_day(2024.0, 13.0, 1.0), make_day(2025.0, 1.0, 1.0));
        assert_eq!((make_full_year(70.0), make_full_year(100.0)), (1970.0, 100.0));
        assert!(time_clip(8.64e15 + 1.0).is_nan());
    }
}
