//! Where a path leads: through `crate`, `super` and `self`, modules, imports, re-exports and globs.
use std::collections::{BTreeMap, BTreeSet};

use super::tree::Tree;
use super::uses::Used;

/// The names of a module.
#[derive(Default)]
pub(super) struct Names {
    defined: BTreeSet<String>,
    imported: BTreeMap<String, Vec<Vec<String>>>,
    globs: Vec<Vec<String>>,
}

impl Names {
    pub(super) fn define(&mut self, name: String) {
        self.defined.insert(name);
    }

    pub(super) fn import(&mut self, name: String, path: Vec<String>) {
        self.imported.entry(name).or_default().push(path);
    }

    pub(super) fn import_all(&mut self, path: Vec<String>) {
        self.globs.push(path);
    }
}

/// Modules that a path leads to, and names that are being looked up, so that imports that import each other end.
#[derive(Default)]
struct Walk {
    reached: BTreeSet<usize>,
    asked: BTreeSet<(usize, Vec<String>)>,
}

impl Tree {
    /// The modules that a path needs: the one in which what it names stands, and those that it is named through by
    /// a re-export. None when it leads out of the crate, or is a variable.
    pub(super) fn resolve(&self, from: usize, used: &Used) -> BTreeSet<usize> {
        let mut walk = Walk::default();
        self.path(from, &used.segments, &mut walk);
        walk.reached
    }

    /// Whether the path leads anywhere in this crate.
    fn path(&self, from: usize, segments: &[String], walk: &mut Walk) -> bool {
        if !walk.asked.insert((from, segments.to_vec())) {
            return false;
        }
        let Some((first, rest)) = segments.split_first() else { return false };
        match first.as_str() {
            "crate" => self.down(self.modules[from].root, rest, walk),
            "self" => self.down(from, rest, walk),
            "super" => {
                let mut above = self.modules[from].parent;
                let mut rest = rest;
                while let Some((next, further)) = rest.split_first()
                    && next == "super"
                {
                    above = above.and_then(|module| self.modules[module].parent);
                    rest = further;
                }
                above.is_some_and(|module| self.down(module, rest, walk))
            }
            _ if self.name(from, segments, walk) => true,
            // A program of the package names its library.
            name if self.library.as_deref() == Some(name) => self.down(0, rest, walk),
            _ => false,
        }
    }

    /// What a path names from a module downwards. A name that is not known (made by a macro) counts as that module's.
    fn down(&self, module: usize, segments: &[String], walk: &mut Walk) -> bool {
        if segments.is_empty() || !self.name(module, segments, walk) {
            walk.reached.insert(module);
        }
        true
    }

    /// The same, when the first segment is a name of the module.
    fn name(&self, module: usize, segments: &[String], walk: &mut Walk) -> bool {
        let Some((name, rest)) = segments.split_first() else { return false };
        let here = &self.modules[module];
        if let Some(child) = here.children.get(name) {
            return self.down(*child, rest, walk);
        }
        if here.names.defined.contains(name) {
            walk.reached.insert(module);
            return true;
        }
        let mut found = false;
        for path in here.names.imported.get(name).into_iter().flatten() {
            let further: Vec<String> = path.iter().chain(rest).cloned().collect();
            found |= self.path(module, &further, walk);
        }
        if found {
            walk.reached.insert(module);
            return true;
        }
        for path in &here.names.globs {
            let further: Vec<String> = path.iter().chain(segments).cloned().collect();
            found |= self.through_glob(module, path, &further, walk);
        }
        if found {
            walk.reached.insert(module);
        }
        found
    }

    /// A name behind a glob, when what the glob is of has it.
    fn through_glob(
        &self,
        module: usize,
        glob: &[String],
        whole: &[String],
        walk: &mut Walk,
    ) -> bool {
        let mut of = Walk { reached: BTreeSet::new(), asked: walk.asked.clone() };
        if !self.path(module, glob, &mut of) {
            return false;
        }
        let name = &whole[glob.len()..];
        let has = of.reached.iter().any(|target| {
            let mut there = Walk { reached: BTreeSet::new(), asked: walk.asked.clone() };
            *target != module
                && there.asked.insert((*target, name.to_vec()))
                && self.name(*target, name, &mut there)
        });
        has && self.path(module, whole, walk)
    }
}
