//! What the text looks like.

use super::{interval, summary};
use crate::render::Style;
use crate::report::sample;

#[test]
fn show() {
    for width in [80, 120] {
        let style = Style { width, ..Style::default() };
        let mut out = Vec::new();
        interval(&sample::report(), &style, &mut out).unwrap();
        summary(&sample::report(), &style, &mut out).unwrap();
        println!("{}", String::from_utf8(out).unwrap());
    }
}
