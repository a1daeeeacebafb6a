//! The warm-up curve: how much work was done by when.
//!
//! *Problem.* Calls take from a microsecond to seconds, and what is looked at lies on a logarithmic axis from parts of a millisecond to seconds.
//! Calls per bucket of time would be nothing, then one, then nothing again wherever calls are longer than buckets. *Idea.* A process notes points of the
//! cumulative curve: when the calls began, and how many had ended by when. Between two points work is taken to be done evenly, so
//! that a rate is known over any span, and a long call is a level stretch at its own rate.
//!
//! Each call is a point as long as points lie 1 % of the time apart; then calls share points. So a few hundred points tell of
//! millions of calls.
//!
//! **Invariant:** points go forward in time and never back in work, and there are two at least.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

/// By what factor the times of two points differ at least.
pub const POINT_STEP: f64 = 1.01;
/// Buckets in which the time grows tenfold.
const BUCKETS_PER_DECADE: f64 = 10.0;
/// A rate at some time is that of a window which is so long as this share of the time.
const WINDOW: f64 = 0.25;
/// What share of the final rate is called warm.
const WARM: f64 = 0.9;

/// Points of time in milliseconds since the first byte, and of calls that had ended by then. The first is the begin of the first call.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve(Vec<(f64, f64)>);

impl Curve {
    /// The curve through these points, unless they are none.
    pub fn new(points: Vec<(f64, f64)>) -> Option<Curve> {
        let numbers = points.iter().all(|&(time, calls)| time.is_finite() && time >= 0.0 && calls.is_finite());
        let ordered = points.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 < pair[1].1);
        (points.len() >= 2 && numbers && ordered && points[0].1 == 0.0).then_some(Curve(points))
    }

    /// From `[[ms, calls], …]`.
    pub fn from_json(points: &Value) -> Option<Curve> {
        let pair = |point: &Value| Some((point.get(0)?.as_f64()?, point.get(1)?.as_f64()?));
        Curve::new(points.as_array()?.iter().map(pair).collect::<Option<_>>()?)
    }

    /// What [`from_json`](Self::from_json) reads.
    pub fn to_json(&self) -> Value {
        self.0.iter().map(|&(time, calls)| json!([(time * 1e3).round() / 1e3, calls])).collect()
    }

    /// When the first call began.
    pub fn begin(&self) -> f64 {
        self.0[0].0
    }

    /// When the first call ended.
    pub fn first_call_end(&self) -> f64 {
        self.0[1].0
    }

    /// When the last call ended.
    pub fn end(&self) -> f64 {
        self.0[self.0.len() - 1].0
    }

    /// How many calls had ended by then, parts of calls included.
    fn calls_by(&self, time: f64) -> f64 {
        let after = self.0.partition_point(|point| point.0 <= time);
        match (after.checked_sub(1).map(|before| self.0[before]), self.0.get(after)) {
            (None, _) => 0.0,
            (Some(last), None) => last.1,
            (Some(from), Some(to)) => from.1 + (to.1 - from.1) * (time - from.0) / (to.0 - from.0),
        }
    }

    /// Calls per millisecond between two times.
    fn rate(&self, from: f64, to: f64) -> f64 {
        if to > from { (self.calls_by(to) - self.calls_by(from)) / (to - from) } else { 0.0 }
    }

    /// Calls per millisecond in the last half of the time.
    pub fn final_rate(&self) -> f64 {
        self.rate(self.begin().max(self.end() / 2.0), self.end())
    }

    /// From when on calls came for a while at nine tenths of the final rate or more.
    pub fn warm_at(&self) -> f64 {
        let wanted = WARM * self.final_rate();
        let mut times = self.0.iter().map(|point| point.0);
        let is_warm = |time: &f64| self.rate(*time, (time * (1.0 + WINDOW)).min(self.end())) >= wanted;
        times.find(is_warm).unwrap_or(self.end())
    }

    /// Calls per millisecond in each bucket that begins before the end.
    pub fn rates(&self, edges: &[f64]) -> Vec<f64> {
        let buckets = edges.windows(2).take_while(|edge| edge[0] < self.end());
        buckets.map(|edge| self.rate(edge[0], edge[1].min(self.end()))).collect()
    }
}

/// The edges of buckets that grow with time, from a power of ten at or below the one time to the other.
pub fn edges(from: f64, to: f64) -> Vec<f64> {
    let first = from.max(1e-3).log10().floor();
    let count = ((to.max(1e-2).log10() - first) * BUCKETS_PER_DECADE).ceil().max(1.0) as u32;
    (0..=count).map(|edge| 10f64.powf(first + f64::from(edge) / BUCKETS_PER_DECADE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four calls of 10 ms, then calls of 1 ms, from 5 ms on.
    fn curve() -> Curve {
        let slow = (0..=4).map(|call| (5.0 + 10.0 * f64::from(call), f64::from(call)));
        let fast = (1..=955).map(|call| (45.0 + f64::from(call), 4.0 + f64::from(call)));
        Curve::new(slow.chain(fast).collect()).expect("a curve")
    }

    #[test]
    fn figures_are_those_of_the_calls() {
        let curve = curve();
        assert_eq!((curve.begin(), curve.first_call_end(), curve.end()), (5.0, 15.0, 1000.0));
        assert!((curve.final_rate() - 1.0).abs() < 1e-9);
        // The window of a quarter of the time must be nearly free of slow calls.
        assert!((44.0..=45.0).contains(&curve.warm_at()), "{}", curve.warm_at());
    }

    #[test]
    fn rates_know_parts_of_calls() {
        let curve = curve();
        assert_eq!(curve.calls_by(4.0), 0.0);
        assert!((curve.calls_by(20.0) - 1.5).abs() < 1e-9);
        assert_eq!(curve.calls_by(2000.0), 959.0);
        let edges = edges(5.0, 1000.0);
        assert!((edges[0] - 1.0).abs() < 1e-9 && edges.last().is_some_and(|&last| last > 999.9), "{edges:?}");
        let rates = curve.rates(&edges);
        // Nothing before the first call; a tenth of a call in each millisecond of the slow ones, whatever the bucket; one at the end.
        let at = |time: f64| rates[edges.partition_point(|&edge| edge <= time) - 1];
        assert_eq!(at(2.0), 0.0);
        assert!((at(12.0) - 0.1).abs() < 1e-9 && (at(700.0) - 1.0).abs() < 1e-9, "{rates:?}");
        let beyond = super::edges(5.0, 5000.0);
        assert!(curve.rates(&beyond).len() < beyond.len() - 6, "nothing is said of the time after the last call");
        let total: f64 = edges.windows(2).zip(&rates).map(|(edge, rate)| (edge[1].min(1000.0) - edge[0]) * rate).sum();
        assert!((total - 959.0).abs() < 1e-6, "no work is lost: {total}");
    }

    #[test]
    fn one_call_is_a_curve() {
        let curve = Curve::new(vec![(1.0, 0.0), (501.0, 1.0)]).expect("a curve");
        assert_eq!((curve.first_call_end(), curve.warm_at()), (501.0, 1.0));
        assert!((curve.final_rate() - 0.002).abs() < 1e-9);
    }

    #[test]
    fn other_points_are_none() {
        for points in
            [vec![], vec![(1.0, 0.0)], vec![(2.0, 0.0), (1.0, 1.0)], vec![(1.0, 1.0), (2.0, 2.0)], vec![(1.0, 0.0), (2.0, 0.0)]]
        {
            assert_eq!(Curve::new(points), None);
        }
        assert_eq!(Curve::from_json(&json!([[1, 0], ["x", 1]])), None);
        assert_eq!(Curve::from_json(&curve().to_json()), Some(curve()));
    }
}
