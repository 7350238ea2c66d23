//! The file that says in which order modules stand, and which pairs break it today.
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// The whole file: crates by name.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Order(BTreeMap<String, Crate>);

/// One crate.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Crate {
    /// Root files below the workspace: the library or the program first, then programs beside a library.
    pub(super) roots: Vec<PathBuf>,
    /// Under which name its own programs use the library.
    pub(super) library: Option<String>,
    /// Lowest first: a module uses what stands in its own layer or in one before.
    order: Vec<Layer>,
    /// Modules that do not use each other, each with all that is below it.
    #[serde(default)]
    apart: Vec<String>,
    #[serde(default)]
    allow: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    layer: String,
    /// Modules, each with all that is below it unless that is named itself.
    modules: Vec<String>,
}

/// A use that breaks the order or closes a circle, and stays for now.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) reason: String,
}

impl Pair {
    /// Whether a use is of this pair. `name::*` stands for a module and all that is below it.
    pub(super) fn covers(&self, from: &str, to: &str) -> bool {
        is_meant(from, &self.from) && is_meant(to, &self.to)
    }
}

fn is_meant(module: &str, name: &str) -> bool {
    name.strip_suffix("::*").map_or(module == name, |above| is_within(module, above))
}

/// Whether a module is another or stands below it.
pub(super) fn is_within(module: &str, above: &str) -> bool {
    module.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl Order {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let order: Self = toml::from_str(text).context("this is not an order of modules")?;
        for (name, one) in &order.0 {
            one.validate().with_context(|| format!("in the crate {name}"))?;
        }
        Ok(order)
    }

    pub(super) fn crates(&self) -> impl Iterator<Item = (&str, &Crate)> {
        self.0.iter().map(|(name, one)| (name.as_str(), one))
    }
}

impl Crate {
    fn validate(&self) -> Result<()> {
        if self.roots.is_empty() {
            bail!("it has no roots");
        }
        let mut seen = BTreeSet::new();
        for module in self.order.iter().flat_map(|layer| &layer.modules) {
            if !seen.insert(module) {
                bail!("{module} stands in the order twice");
            }
        }
        let mut pairs = BTreeSet::new();
        for Pair { from, to, reason } in &self.allow {
            if reason.trim().is_empty() {
                bail!("the pair {from} -> {to} has no reason");
            }
            if !pairs.insert((from, to)) {
                bail!("the pair {from} -> {to} is named twice");
            }
        }
        Ok(())
    }

    pub(super) fn allowed(&self) -> &[Pair] {
        &self.allow
    }

    /// All modules that the order names, and those that are apart.
    pub(super) fn modules(&self) -> impl Iterator<Item = &str> {
        let ordered = self.order.iter().flat_map(|layer| &layer.modules);
        ordered.chain(&self.apart).map(String::as_str)
    }

    /// Whether two modules are in rooms that are apart.
    pub(super) fn are_apart(&self, from: &str, to: &str) -> bool {
        let room = |module| self.apart.iter().find(|room| is_within(module, room));
        room(from).zip(room(to)).is_some_and(|(a, b)| a != b)
    }

    /// Where a module stands: its layer's number and name, by the closest module that is named.
    pub(super) fn place(&self, module: &str) -> Option<(usize, &str)> {
        let named = self.order.iter().enumerate().flat_map(|(place, layer)| {
            layer.modules.iter().map(move |named| (named, (place, layer.layer.as_str())))
        });
        named
            .filter(|(named, _)| is_within(module, named))
            .max_by_key(|(named, _)| named.len())
            .map(|(_, place)| place)
    }
}
