//! A report as a table on the terminal: one line for each engine.
#![forbid(unsafe_code)]

use std::fmt::Write as _;

use super::report::{Report, Series};

/// The columns: two lines of heading, and how the figure is got.
type Column = (&'static str, &'static str, fn(&Series) -> Option<f64>);

const COLUMNS: [Column; 8] = [
    ("first call", "ms", |series| series.median(|run| Some(run.curve.first_call_end()))),
    ("90 % at", "ms", |series| series.median(|run| Some(run.curve.warm_at()))),
    ("final rate", "calls/ms", |series| series.median(|run| Some(run.curve.final_rate()))),
    ("compiling", "CPU ms", |series| series.median(|run| run.compile_cpu_ms)),
    ("baseline", "KiB", |series| series.median(|run| Some(run.code_bytes?[0] / 1024.0))),
    ("optimized", "KiB", |series| series.median(|run| Some(run.code_bytes?[1] / 1024.0))),
    ("peak", "MiB", |series| series.median(|run| Some(run.peak_bytes / f64::from(1 << 20)))),
    ("of these own", "MiB", |series| series.median(|run| Some(run.own_bytes / f64::from(1 << 20)))),
];

/// The table with its heading.
pub fn render(report: &Report) -> String {
    let mut rows = vec![heading(|column| column.0), heading(|column| column.1)];
    rows.extend(report.series.iter().map(|series| {
        let figures = COLUMNS.iter().map(|column| column.2(series).map_or_else(|| "-".to_owned(), figure));
        std::iter::once(series.name.clone()).chain(figures).collect()
    }));
    let widths: Vec<usize> =
        (0..=COLUMNS.len()).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    let mut text = format!("{}: {}\n", report.title, report.call);
    for (index, row) in rows.iter().enumerate() {
        let _ = write!(text, "{:<width$}", row[0], width = widths[0]);
        match index.checked_sub(2).and_then(|series| report.series[series].failure.as_ref()) {
            Some(failure) if report.series[index - 2].runs.is_empty() => {
                let _ = write!(text, "  failed: {failure}");
            }
            _ => {
                for (cell, width) in row.iter().zip(&widths).skip(1) {
                    let _ = write!(text, "  {cell:>width$}");
                }
            }
        }
        text.push('\n');
    }
    text
}

fn heading(line: impl Fn(&Column) -> &'static str) -> Vec<String> {
    std::iter::once("").chain(COLUMNS.iter().map(line)).map(str::to_owned).collect()
}

/// A number with three digits that count.
fn figure(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        magnitude => (2 - magnitude.log10().floor() as i32).clamp(0, 6),
    };
    format!("{value:.*}", digits.unsigned_abs() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::curve::Curve;
    use crate::bench::report::Measurement;

    #[test]
    fn figures_have_three_digits() {
        for (value, text) in
            [(0.0, "0"), (0.001234, "0.00123"), (0.5, "0.500"), (12.345, "12.3"), (123.4, "123"), (98765.4, "98765")]
        {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn each_series_has_a_line() {
        let curve = Curve::new(vec![(1.0, 0.0), (2.0, 1.0), (4.0, 3.0)]).expect("a curve");
        let run = Measurement { curve, compile_cpu_ms: Some(0.25), code_bytes: None, peak_bytes: 2e6, own_bytes: 1e6 };
        let good = Series { name: "auto".into(), runs: vec![run], failure: None };
        let bad = Series { name: "bun 1".into(), runs: vec![], failure: Some("no".into()) };
        let text = render(&Report { title: "a".into(), call: "f 1".into(), series: vec![good, bad] });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        let cells: Vec<&str> = lines[3].split_whitespace().collect();
        assert_eq!(cells, ["auto", "2.00", "1.00", "1.00", "0.250", "-", "-", "1.91", "0.954"]);
        assert_eq!(lines[4], "bun 1  failed: no");
    }
}
