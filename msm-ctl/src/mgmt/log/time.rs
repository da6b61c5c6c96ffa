//! Wall clock time as the manual and as RFC 5424 write it, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// Year, month, day, hour, minute, second, millisecond.
fn parts(time: SystemTime) -> [u64; 7] {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let ms = u64::from(since.subsec_millis());
    [year, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60, ms]
}

/// `MM/DD/YYYY HH:MM:SS.cc`
pub(crate) fn stamp(time: SystemTime) -> String {
    let [year, month, day, hour, minute, second, ms] = parts(time);
    format!("{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}:{second:02}.{:02}", ms / 10)
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ` (RFC 3339)
pub(super) fn rfc3339(time: SystemTime) -> String {
    let [year, month, day, hour, minute, second, ms] = parts(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Year, month and day of a day since 1970-01-01 (proleptic Gregorian; Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_stamp_is_the_manuals() {
        let time = UNIX_EPOCH + Duration::from_millis(1_709_210_096_789);
        assert_eq!(stamp(time), "02/29/2024 12:34:56.78");
        assert_eq!(rfc3339(time), "2024-02-29T12:34:56.789Z");
        assert_eq!(civil(0), (1970, 1, 1));
    }
}
