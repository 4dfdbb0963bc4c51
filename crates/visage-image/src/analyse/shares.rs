//! Percentages that add up.

/// What each count is of all of them, in percent with one decimal; together exactly 100 (largest remainder method), or
/// all zero when nothing was counted.
pub(super) fn percentages(counts: &[u64]) -> Vec<f64> {
    const WHOLE_TENTHS: u64 = 1000;
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return vec![0.0; counts.len()];
    }
    let mut tenths: Vec<u64> = counts.iter().map(|count| count * WHOLE_TENTHS / total).collect();
    let missing = WHOLE_TENTHS - tenths.iter().sum::<u64>();
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|&index| (std::cmp::Reverse(counts[index] * WHOLE_TENTHS % total), index));
    for &index in by_remainder.iter().take(missing as usize) {
        tenths[index] += 1;
    }
    tenths.into_iter().map(|tenths| tenths as f64 / 10.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_add_up_to_exactly_a_hundred() {
        assert_eq!(percentages(&[1, 1, 1]), [33.4, 33.3, 33.3]);
        assert_eq!(percentages(&[2, 1]), [66.7, 33.3]);
        assert_eq!(percentages(&[5, 0]), [100.0, 0.0]);
        assert_eq!(percentages(&[0, 0]), [0.0, 0.0]);
        assert!(percentages(&[]).is_empty());
    }
}
