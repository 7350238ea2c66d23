//! Held against crates planted in a folder of their own: what is wrong is found, wherever it stands, and nothing else.

use super::*;

/// A crate of three layers: `low`, `mid` and `high`; `mid` has the children `a` and `b`.
struct Planted {
    folder: tempfile::TempDir,
    allow: String,
}

impl Planted {
    fn new() -> Self {
        let planted = Self { folder: tempfile::tempdir().unwrap(), allow: String::new() };
        planted
            .file("lib.rs", "pub mod low;\npub mod mid;\npub mod high;\n")
            .file("low.rs", "pub struct Low;\npub fn low() {}\n")
            .file(
                "mid/mod.rs",
                "pub mod a;\npub mod b;\nuse crate::low::Low;\npub struct Mid(Low);\n",
            )
            .file("mid/a.rs", "use super::Mid;\npub struct A(Mid);\n")
            .file("mid/b.rs", "use super::a::A;\npub struct B(A);\n")
            .file("high.rs", "use crate::mid::{self, a::A};\npub struct High(A, mid::b::B);\n")
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.folder.path().join("src").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn allow(mut self, from: &str, to: &str) -> Self {
        use std::fmt::Write as _;
        write!(self.allow, "[[it.allow]]\nfrom = '{from}'\nto = '{to}'\nreason = 'today'\n")
            .unwrap();
        self
    }

    fn order(&self, layers: &str) -> Order {
        let allow = &self.allow;
        let text = format!("[it]\nroots = ['src/lib.rs']\norder = [{layers}]\n{allow}");
        Order::parse(&text).unwrap()
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings_in(
            "{ layer = 'l', modules = ['low'] }, { layer = 'm', modules = ['mid'] }, \
             { layer = 'h', modules = ['high'] }",
        )
    }

    fn findings_in(&self, layers: &str) -> Vec<Finding> {
        let order = self.order(layers);
        let (_, one) = order.crates().next().unwrap();
        examine(self.folder.path(), one).unwrap().1
    }

    /// The uses against the order, as `from -> to at line`.
    fn against(&self) -> Vec<String> {
        let shown = |finding: Finding| match finding {
            Finding::Against { from, to, place, .. } => {
                let place = place.to_string();
                format!("{from} -> {to} at {}", place.split(':').nth(1).unwrap())
            }
            other => panic!("{other}"),
        };
        self.findings().into_iter().map(shown).collect()
    }

    /// The modules of the circles.
    fn circles(&self) -> Vec<Vec<String>> {
        let shown = |finding| match finding {
            Finding::Circle(steps) => steps.into_iter().map(|(from, _, _)| from).collect(),
            other => panic!("{other}"),
        };
        self.findings().into_iter().map(shown).collect()
    }
}

#[test]
fn what_keeps_the_order_is_no_finding() {
    assert_eq!(Planted::new().findings(), []);
}

#[test]
fn a_use_against_the_order_is_found_however_it_is_written() {
    for (text, line) in [
        ("use crate::high::High;", 1),
        ("use super::high::High as Other;", 1),
        ("pub use crate::high::*;", 1),
        ("pub(crate) use crate::{mid_of_nothing, high::{self}};", 1),
        ("use crate::{\n    low as own,\n    high::High,\n};", 3),
        ("pub fn low() {\n    let _ = crate::high::High;\n}", 2),
        ("pub fn low() {\n    use crate::high;\n    high::high();\n}", 2),
        ("pub fn low(_: crate::high::High) {}", 1),
        ("impl From<crate::high::High> for Low {}", 1),
        ("pub fn low(it: u8) {\n    match it { crate::high::ONE => {}, _ => {} }\n}", 2),
        ("pub fn low() {\n    println!(\"{}\", crate::high::high());\n}", 2),
        ("macro_rules! low { () => { $crate::high::High }; }", 1),
        ("#[serde(with = \"crate::high\")]\npub struct Low;", 1),
        ("#[derive(crate::high::Derive)]\npub struct Low;", 1),
        ("mod inner {\n    pub fn low() { super::super::high::high() }\n}", 2),
        ("#[cfg(not(test))]\nuse crate::high::High;", 2),
    ] {
        let found = Planted::new().file("low.rs", text).against();
        assert_eq!(found, [format!("low -> high at {line}")], "{text}");
    }
}

// Property: rooms that are apart do not use each other in either direction; what is in one room may, and a room that is
// not there is found.
#[test]
fn rooms_that_are_apart_do_not_use_each_other() {
    let found = |apart: &str, text: &str| {
        let planted = Planted::new().file("mid/b.rs", text);
        let layers = "{ layer = 'all', modules = ['low', 'mid', 'high'] }";
        let text = format!("[it]\nroots = ['src/lib.rs']\norder = [{layers}]\napart = [{apart}]\n");
        let order = Order::parse(&text).unwrap();
        examine(planted.folder.path(), order.crates().next().unwrap().1).unwrap().1
    };
    let is_apart = |finding: &Finding| matches!(finding, Finding::Apart { from, to, .. } if (from.as_str(), to.as_str()) == ("mid::b", "mid::a"));
    let text = "use super::a::A;\npub struct B(A);\n";
    for apart in ["'mid::a', 'mid::b'", "'mid::b', 'mid::a'"] {
        let found = found(apart, text);
        assert!(found.len() == 1 && found.iter().all(is_apart), "{found:?}");
    }
    // A room holds what is below it: `mid` itself uses `low`, and its children may use each other.
    let found_in_rooms = found("'mid', 'low'", text);
    let is_of_mid = |finding: &Finding| matches!(finding, Finding::Apart { from, to, .. } if (from.as_str(), to.as_str()) == ("mid", "low"));
    assert!(
        found_in_rooms.len() == 1 && found_in_rooms.iter().all(is_of_mid),
        "{found_in_rooms:?}"
    );
    assert_eq!(found("'mid'", text), []);
    let gone = Finding::NoModule("mid::c".to_owned());
    assert_eq!(found("'mid::b', 'mid::c'", text), [gone]);
}

#[test]
fn a_child_is_told_from_its_parent_by_super() {
    let planted =
        Planted::new().file("mid/a.rs", "pub fn a() {\n    super::super::high::high()\n}\n");
    assert_eq!(planted.against(), ["mid::a -> high at 2"]);
}

#[test]
fn a_re_export_is_a_use_of_where_it_leads() {
    // `low` names only `mid`, which hands on what stands in `high`.
    let planted = Planted::new()
        .file("mid/b.rs", "pub use crate::high::High as Handed;")
        .file("mid/mod.rs", "pub mod a;\npub mod b;\npub use b::*;\npub struct Mid;\n")
        .file("low.rs", "use crate::mid::Handed;\npub struct Low;");
    let found = planted.against();
    let expected =
        ["low -> high at 1", "low -> mid at 1", "low -> mid::b at 1", "mid::b -> high at 1"];
    // `mid` does not name `High`: a glob is a use of the module that it is of.
    assert_eq!(found, expected);
}

#[test]
fn what_only_tests_need_is_left_out() {
    let text = "#[cfg(test)]\nuse crate::high::High;\n#[cfg(all(test, unix))]\nmod tests {\n    use crate::high;\n}\n\
                #[cfg(test)]\nmod more;\n#[cfg(test)]\nfn low() { crate::high::high() }\n\
                impl Low {\n    #[cfg(test)]\n    fn new() { crate::high::high() }\n}\n";
    assert_eq!(Planted::new().file("low.rs", text).findings(), []);
}

#[test]
fn words_and_other_crates_are_no_uses() {
    let text = "//! See [`crate::high`].\n/// [`crate::high::High`]\npub(in crate::high) struct Low;\n\
                use ::high::High;\nuse serde::high;\nfn low(high: u8) -> u8 { high }\n";
    assert_eq!(Planted::new().file("low.rs", text).findings(), []);
}

#[test]
fn siblings_in_a_circle_are_found_through_their_parent_too() {
    let direct = Planted::new().file("mid/a.rs", "pub struct A;\nfn a() { super::b::B::new() }");
    assert_eq!(direct.circles(), [["mid::a", "mid::b"]]);
    // The parent's re-export hides where `B` stands.
    let handed = Planted::new()
        .file("mid/mod.rs", "pub mod a;\npub mod b;\npub use b::B;\npub struct Mid;\n")
        .file("mid/a.rs", "use super::B;\npub struct A(B);");
    assert_eq!(handed.circles(), [["mid::a", "mid::b"]]);
}

#[test]
fn folders_in_a_circle_are_found_where_no_two_files_are() {
    let planted = Planted::new()
        .file("lib.rs", "mod one;\nmod other;\n")
        .file("one/mod.rs", "pub mod x;\npub mod y;\n")
        .file("one/x.rs", "use crate::other::x::X;")
        .file("one/y.rs", "pub struct Y;")
        .file("other.rs", "pub mod x;\npub mod y;\n")
        .file("other/x.rs", "pub struct X;")
        .file("other/y.rs", "use crate::one::y::Y;");
    let found = planted.findings_in("{ layer = 'all', modules = ['one', 'other'] }");
    let [Finding::Circle(steps)] = found.as_slice() else { panic!("{found:?}") };
    let steps: Vec<_> = steps.iter().map(|(from, to, _)| (from.as_str(), to.as_str())).collect();
    assert_eq!(steps, [("one::x", "other::x"), ("other::y", "one::y")]);
}

#[test]
fn a_circle_of_three_is_one_finding() {
    let planted = Planted::new()
        .file("mid/mod.rs", "mod a;\nmod b;\nmod c;\n")
        .file("mid/a.rs", "use super::b::B;\npub struct A;")
        .file("mid/b.rs", "use super::c::C;\npub struct B;")
        .file("mid/c.rs", "use super::a::A;\npub struct C;")
        .file("high.rs", "");
    assert_eq!(planted.circles(), [["mid::a", "mid::b", "mid::c"]]);
}

#[test]
fn a_parent_and_its_children_are_one_room() {
    let planted = Planted::new()
        .file("mid/mod.rs", "pub mod a;\npub mod b;\nuse b::B;\npub struct Mid(B);\n")
        .file("mid/b.rs", "use super::Mid;\npub struct B(Mid);");
    assert_eq!(planted.findings(), []);
}

#[test]
fn a_named_pair_stays_until_it_is_gone_and_no_longer() {
    let planted = || Planted::new().file("low.rs", "pub struct Low(crate::high::High);");
    assert_eq!(planted().allow("low", "high").findings(), []);
    let two = planted().allow("low", "high").allow("mid", "high").allow("high", "mid::*");
    let stale = |from: &str, to: &str, occurs| Finding::Stale {
        from: from.to_owned(),
        to: to.to_owned(),
        occurs,
    };
    assert_eq!(two.findings(), [stale("mid", "high", false), stale("high", "mid::*", true)]);
    // A pair is of these two modules alone unless it says more.
    let other = planted().file("mid/a.rs", "use crate::high::High;\npub struct A;");
    assert_eq!(other.allow("low", "high").allow("mid", "high").findings().len(), 2);
    let other = planted().file("mid/a.rs", "use crate::high::High;\npub struct A;");
    assert_eq!(other.allow("low", "high").allow("mid::*", "high").findings(), []);
}

#[test]
fn a_named_pair_opens_its_circle() {
    let planted = || Planted::new().file("mid/a.rs", "pub struct A;\nfn a() { super::b::b() }");
    assert_eq!(planted().allow("mid::a", "mid::b").findings(), []);
    assert_eq!(planted().allow("mid::b", "mid::a").findings(), []);
}

#[test]
fn every_module_has_a_place_and_every_place_a_module() {
    let found = Planted::new().findings_in("{ layer = 'all', modules = ['low', 'mid', 'gone'] }");
    assert_eq!(found, [Finding::NoPlace("high".to_owned()), Finding::NoModule("gone".to_owned())]);
}

#[test]
fn a_file_that_cannot_be_read_or_parsed_is_an_error_with_its_name() {
    let planted = Planted::new().file("low.rs", "pub struct {");
    let order = planted.order("");
    let error = examine(planted.folder.path(), order.crates().next().unwrap().1).unwrap_err();
    assert!(format!("{error:#}").contains("src/low.rs"), "{error:#}");
    let planted = Planted::new().file("lib.rs", "mod nowhere;");
    let error = examine(planted.folder.path(), order.crates().next().unwrap().1).unwrap_err();
    assert!(format!("{error:#}").contains("mod nowhere;"), "{error:#}");
}

#[test]
fn an_order_that_says_something_twice_or_without_a_reason_is_refused() {
    let refused = |text: &str| format!("{:#}", Order::parse(text).err().unwrap());
    let head = "[it]\nroots = ['src/lib.rs']\n";
    let twice = "order = [{ layer = 'a', modules = ['x'] }, { layer = 'b', modules = ['x'] }]\n";
    assert!(refused(&format!("{head}{twice}")).contains("x stands in the order twice"));
    let pair = "order = []\n[[it.allow]]\nfrom = 'a'\nto = 'b'\nreason = ' '\n";
    assert!(refused(&format!("{head}{pair}")).contains("a -> b has no reason"));
    assert!(refused("[it]\norder = []\nroots = []\n").contains("no roots"));
    assert!(refused(&format!("{head}order = []\nallowed = []\n")).contains("allowed"));
}

#[test]
fn this_tree_keeps_its_order() {
    let workspace = run::workspace();
    let text = std::fs::read_to_string(workspace.join(ORDER)).unwrap();
    for (name, one) in Order::parse(&text).unwrap().crates() {
        let (modules, findings) = examine(&workspace, one).unwrap();
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(said.is_empty(), "{name}:\n{}", said.join("\n"));
        // A root that led nowhere would have nothing to find.
        assert!(modules >= 7, "{name} has {modules} modules");
    }
}
