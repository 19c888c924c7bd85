//! From the decimal numbers of files to whole ones, without a silent wrap.

/// The nearest whole number, if the target type holds it.
pub fn rounded<T: TryFrom<i64>>(value: f64) -> Option<T> {
    // Far inside the range in which every whole number has an exact f64.
    if !value.is_finite() || value.abs() > 1e15 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be finite and small, and rounded")]
    let whole = value.round() as i64;
    T::try_from(whole).ok()
}

/// Seconds as whole milliseconds.
pub fn millis(seconds: f64) -> Option<i64> {
    rounded(seconds * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_none() {
        assert_eq!(rounded(2.5), Some(3_u8));
        assert_eq!(rounded::<u8>(256.0), None);
        assert_eq!(rounded::<u32>(-1.0), None);
        assert_eq!(rounded::<i64>(f64::NAN), None);
        assert_eq!(rounded::<i64>(f64::INFINITY), None);
        assert_eq!(millis(1.0005), Some(1001));
    }
}
