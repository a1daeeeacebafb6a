//! What was measured of one program: a series for each engine, and in it a measurement for each process. As JSON it can be kept, and
//! drawn again.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

use super::curve::Curve;

/// What one process measured: the line of JSON that it prints.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    pub curve: Curve,
    /// Processor time of compiling, where the engine can tell it from the rest.
    pub compile_cpu_ms: Option<f64>,
    /// Bytes of machine code by tier, baseline first, where the engine tells.
    pub code_bytes: Option<[f64; 2]>,
    /// The most physical memory that the process had at once.
    pub peak_bytes: f64,
    /// What it had before the first byte.
    pub own_bytes: f64,
}

impl Measurement {
    pub fn from_json(value: &Value) -> Option<Measurement> {
        let code = &value["code_bytes"];
        Some(Measurement {
            curve: Curve::from_json(&value["points"])?,
            compile_cpu_ms: value["compile_cpu_ms"].as_f64(),
            code_bytes: code["baseline"].as_f64().zip(code["optimized"].as_f64()).map(Into::into),
            peak_bytes: value["peak_rss_bytes"].as_f64()?,
            own_bytes: value["own_rss_bytes"].as_f64()?,
        })
    }

    pub fn to_json(&self) -> Value {
        json!({
            "points": self.curve.to_json(),
            "compile_cpu_ms": self.compile_cpu_ms,
            "code_bytes": self.code_bytes.map(|[baseline, optimized]| json!({ "baseline": baseline, "optimized": optimized })),
            "peak_rss_bytes": self.peak_bytes,
            "own_rss_bytes": self.own_bytes,
        })
    }
}

/// One engine, or one way of compiling.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub runs: Vec<Measurement>,
    /// Why there is no measurement, or not as many as was asked for.
    pub failure: Option<String>,
}

impl Series {
    pub fn new(name: &str) -> Series {
        Series { name: name.to_owned(), runs: Vec::new(), failure: None }
    }

    /// The median over all processes of a figure that they have.
    pub fn median(&self, figure: impl Fn(&Measurement) -> Option<f64>) -> Option<f64> {
        median(self.runs.iter().filter_map(figure).collect())
    }

    /// Calls per millisecond in each bucket, the median over all processes, as long as any still called.
    pub fn rates(&self, edges: &[f64]) -> Vec<f64> {
        let runs: Vec<Vec<f64>> = self.runs.iter().map(|run| run.curve.rates(edges)).collect();
        (0..edges.len())
            .map_while(|bucket| median(runs.iter().filter_map(|rates| rates.get(bucket).copied()).collect()))
            .collect()
    }
}

/// The middle one; of two, their mean.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some((values[last / 2] + values[last.div_ceil(2)]) / 2.0)
}

/// One program.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub title: String,
    /// The call that was made again and again, for people.
    pub call: String,
    pub series: Vec<Series>,
}

impl Report {
    /// What [`to_json`](Self::to_json) gave.
    pub fn from_json(value: &Value) -> Option<Report> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let series = |value: &Value| {
            let runs = value["runs"].as_array()?.iter().map(Measurement::from_json);
            Some(Series { name: text(&value["name"])?, runs: runs.collect::<Option<_>>()?, failure: text(&value["failure"]) })
        };
        let all = value["series"].as_array()?.iter().map(series);
        Some(Report { title: text(&value["title"])?, call: text(&value["call"])?, series: all.collect::<Option<_>>()? })
    }

    pub fn to_json(&self) -> Value {
        let series = |series: &Series| {
            let runs: Vec<Value> = series.runs.iter().map(Measurement::to_json).collect();
            json!({ "name": series.name, "runs": runs, "failure": series.failure })
        };
        json!({ "title": self.title, "call": self.call, "series": self.series.iter().map(series).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn what_is_written_is_read() {
        let curve = Curve::new(vec![(1.5, 0.0), (2.25, 3.0)]).expect("a curve");
        let run = Measurement { curve, compile_cpu_ms: None, code_bytes: Some([10.0, 0.0]), peak_bytes: 5e6, own_bytes: 1e6 };
        let mut series = Series::new("a");
        series.runs.push(run);
        series.failure = Some("no second one".into());
        let report = Report { title: "t".into(), call: "f 1".into(), series: vec![series] };
        assert_eq!(Report::from_json(&report.to_json()), Some(report));
        assert_eq!(Report::from_json(&json!({ "title": "t" })), None);
    }
}
