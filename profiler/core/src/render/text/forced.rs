//! Whose syncs wrote out what others had caused: a few lines below the table of IO.

use std::io::{self, Write};

use super::lines::paragraph;
use super::who;
use crate::render::{Style, units};
use crate::report::{Actor, ForcedBy, Report};
use crate::text::forced::forced;

/// Pairs shown.
const SHOWN: usize = 3;
/// Fewer bytes than this are in the report only.
const WORTH_A_LINE: u64 = 1 << 20;

pub(super) fn section(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let of = |actor| move |forced| (actor, forced);
    let all = report.actors.iter().flat_map(|actor| actor.forced_by.iter().map(of(actor)));
    let mut pairs: Vec<(&Actor, &ForcedBy)> =
        all.filter(|(_, forced)| forced.bytes >= WORTH_A_LINE).collect();
    pairs.sort_by_key(|(_, forced)| std::cmp::Reverse(forced.bytes));
    for (actor, one) in pairs.into_iter().take(SHOWN) {
        let (by, of) = (who::name_of(report, &one.by, style), who::name(actor, style));
        let requests = units::count(one.count);
        let bytes = units::bytes(one.bytes);
        let text = forced(style.lang, &by, &of, (&requests, &bytes));
        paragraph(&text, style, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// Property: the largest pairs are told, small ones are not.
    #[test]
    fn whose_sync_wrote_what() {
        let mut report = sample::report();
        let by = report.actors[0].id.clone();
        let forced = |bytes| ForcedBy { by: by.clone(), count: 310, bytes };
        report.actors[1].forced_by = vec![forced(12_900_000)];
        report.actors[2].forced_by = vec![forced(WORTH_A_LINE - 1)];
        let mut out = Vec::new();
        section(&report, &Style { width: 100, ..Style::default() }, &mut out).unwrap();
        let said = String::from_utf8(out).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("mostly in syncs: 310 requests, 12.3 MiB"), "{said}");
    }
}
