//! Advice about somebody whose command line holds a secret.

use super::*;
use crate::redact::tests::SECRETS;
use crate::render::forms::{kubernetes, shell, systemd};
use crate::render::{Style, json, markdown, text};
use crate::test_facts;

/// Property: no form of advice, with its reasons and commands, holds a secret of the victim or the culprit.
#[test]
fn no_advice_holds_a_secret() {
    for secret in SECRETS {
        let mut facts = test_facts::process(None, secret.argv);
        facts.hide_secrets();
        for mut world in [World::reader(), World::snapshot()] {
            world.culprit.argv = Some(facts.argv.clone());
            world.victim.argv = Some(facts.argv.clone());
            let mut report = world.report();
            report.advice = Some(world.advice_on(&report));
            let mut out = Vec::new();
            text::advice(&report, true, &Style { width: 2000, ..Style::default() }, &mut out)
                .unwrap();
            text::summary(&report, &Style { width: 2000, ..Style::default() }, &mut out).unwrap();
            markdown::document(&report, &Style::default(), &mut out).unwrap();
            json::document(&report, &mut out).unwrap();
            let paper = String::from_utf8(out).unwrap()
                + &shell(&report)
                + &systemd(&report)
                + &kubernetes(&report);
            assert!(paper.len() > 1000);
            for one in secret.secrets {
                assert!(!paper.contains(one), "{one}: {paper}");
            }
        }
    }
}
