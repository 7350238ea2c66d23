//! `iocontend status`: lists what is applied, what of it holds, and who ends it. Changes nothing and waits for nobody.

use std::io::{self, Write as _};

use iocontend_core::lease::Due;
use iocontend_core::text::Lang;
use iocontend_core::text::lease::{self as words, Keeper, Trouble};

use super::{Host, explained, not_in_force, shown};
use crate::cli::StatusArgs;
use crate::error::{Failure, tell};
use crate::lease::{self, Look, timer};
use crate::output;

pub(in crate::commands) fn run(args: &StatusArgs) -> Result<(), Failure> {
    let mut text = Vec::new();
    let mut documents = Vec::new();
    let mut unreadable = 0_usize;
    if let Ok(place) = Host::new(&args.lease_args)?.open()? {
        let failed = |error: io::Error| place.store_failed(&error);
        let clock = lease::clock(&place.host.root).map_err(failed)?;
        for found in place.store.all().map_err(failed)? {
            let unit = format!("{}.timer", timer::unit(&found.id));
            let keeper = place.keeper(&found.id, &unit);
            match found.lease {
                Ok(lease) => {
                    let due = lease.due(&clock, found.held);
                    let look = match due {
                        Due::Restarted => Look::default(),
                        _ => lease::look(&lease, &place.host.settings),
                    };
                    writeln!(text, "{}", shown(&words::lease(Lang::En, &lease, due, keeper)))?;
                    for line in lease.items.iter().flat_map(|item| words::item(Lang::En, item)) {
                        writeln!(text, "  {}", shown(&line))?;
                    }
                    for line in not_in_force(&look) {
                        writeln!(text, "  {}", shown(&line))?;
                    }
                    documents.push(serde_json::json!({
                        "due": due,
                        "kept_by": name(keeper),
                        "lease": lease,
                        "not_in_force": look.lapses,
                        "unread": look.unread,
                    }));
                }
                Err(error) => {
                    unreadable += 1;
                    tell(&explained(&Trouble::Store(&found.id, &error)).what);
                    if matches!(keeper, Keeper::Timer(_) | Keeper::Guardian) {
                        tell(&shown(&words::known_elsewhere(Lang::En, &found.id)));
                    }
                }
            }
        }
    }
    if args.json {
        let all = serde_json::json!({ "schema": "iocontend.status/1", "leases": documents });
        let mut bytes = serde_json::to_vec_pretty(&all).map_err(io::Error::from)?;
        bytes.push(b'\n');
        output::write(&bytes)?;
    } else if !text.is_empty() {
        output::write(&text)?;
    } else if unreadable == 0 {
        tell(words::none(Lang::En));
    }
    // What cannot be read may be in force.
    if unreadable == 0 { Ok(()) } else { Err(Failure::Said) }
}

/// As the document has it.
fn name(keeper: Keeper<'_>) -> Option<&'static str> {
    match keeper {
        Keeper::Timer(_) => Some("timer"),
        Keeper::Guardian => Some("guardian"),
        Keeper::Maker => Some("process"),
        Keeper::Nobody => None,
    }
}
