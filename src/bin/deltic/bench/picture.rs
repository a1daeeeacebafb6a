//! Reports as a picture: a panel for each program, a line for each engine, time on a logarithmic axis.
#![forbid(unsafe_code)]

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::curve::{self, Curve};
use super::report::Report;

/// Pixels of a panel, and of the line of names below all.
const PANEL: (u32, u32) = (560, 330);
const NAMES_HEIGHT: u32 = 36;
/// Colours that people who see few colours can tell apart (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 158, 115),
    RGBColor(86, 180, 233),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(90, 90, 90),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// The picture as text.
pub fn svg(reports: &[Report]) -> Result<String, Box<dyn std::error::Error>> {
    let columns = if reports.len() > 1 { 2 } else { 1 };
    let rows = reports.len().div_ceil(columns);
    let size = (PANEL.0 * columns as u32, PANEL.1 * rows as u32 + NAMES_HEIGHT);
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&WHITE)?;
        let (panels, names) = root.split_vertically(PANEL.1 * rows as u32);
        let all_names = names_of(reports);
        for (report, area) in reports.iter().zip(panels.split_evenly((rows, columns))) {
            panel(&area, report, &all_names)?;
        }
        draw_names(&names, &all_names)?;
        root.present()?;
    }
    Ok(text)
}

/// The names of all series that were measured anywhere, once each. A name's position is its colour.
fn names_of(reports: &[Report]) -> Vec<&str> {
    let mut names = Vec::new();
    for series in reports.iter().flat_map(|report| &report.series) {
        if !series.runs.is_empty() && !names.contains(&series.name.as_str()) {
            names.push(&series.name);
        }
    }
    names
}

fn colour(position: usize) -> RGBColor {
    COLOURS[position % COLOURS.len()]
}

fn panel(area: &Area<'_>, report: &Report, names: &[&str]) -> Drawn {
    let curves = || report.series.iter().flat_map(|series| &series.runs).map(|run| &run.curve);
    let first = curves().map(Curve::begin).fold(f64::INFINITY, f64::min);
    let last = curves().map(Curve::end).fold(0.0, f64::max);
    let edges = curve::edges(if first.is_finite() { first } else { 1.0 }, last);
    let rates: Vec<Vec<f64>> = report.series.iter().map(|series| series.rates(&edges)).collect();
    let most = rates.iter().flatten().copied().fold(0.0, f64::max).max(1e-9);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{} ({})", report.title, report.call), (FONT, 21))
        .margin(8)
        .x_label_area_size(42)
        .y_label_area_size(66)
        .build_cartesian_2d((edges[0]..edges[edges.len() - 1]).log_scale(), 0.0..most * 1.08)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_label_formatter(&|time| time.to_string())
        .y_labels(6)
        // Steps of a tenth of something do not add up to round numbers.
        .y_label_formatter(&|rate| ((rate * 1e6).round() / 1e6).to_string())
        .x_desc("ms since the first byte")
        .y_desc("calls per ms")
        .axis_desc_style((FONT, 17))
        .label_style((FONT, 16))
        .draw()?;
    for (series, rates) in report.series.iter().zip(&rates).filter(|(series, _)| !series.runs.is_empty()) {
        let position = names.iter().position(|name| *name == series.name).unwrap_or(0);
        let middles = edges.windows(2).map(|edge| (edge[0] * edge[1]).sqrt());
        // The line begins on the axis, where calls do.
        let silent = rates.iter().take_while(|rate| **rate == 0.0).count().saturating_sub(1);
        let points = middles.zip(rates.iter().copied()).skip(silent);
        chart.draw_series(LineSeries::new(points, colour(position).stroke_width(2)))?;
    }
    Ok(())
}

/// A line of colour before each name.
fn draw_names(area: &Area<'_>, names: &[&str]) -> Drawn {
    let style = (FONT, 19).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    let (width, _) = area.dim_in_pixel();
    // Wide enough for a letter of this size, on average.
    let lengths: Vec<i32> = names.iter().map(|name| 54 + 8 * name.chars().count() as i32).collect();
    let mut left = (width as i32 - lengths.iter().sum::<i32>()) / 2;
    let middle = NAMES_HEIGHT as i32 / 2;
    for (position, (name, length)) in names.iter().zip(lengths).enumerate() {
        let line = vec![(left, middle), (left + 24, middle)];
        area.draw(&PathElement::new(line, colour(position).stroke_width(3)))?;
        area.draw(&Text::new(*name, (left + 30, middle), style.clone()))?;
        left += length;
    }
    Ok(())
}
