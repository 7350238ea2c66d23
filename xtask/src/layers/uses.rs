//! What a module's source says: the names it has, and every path it uses.
use std::fmt;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemUse, Macro, Meta, Stmt, UseTree, VisRestricted};

use super::names::Names;

/// A path that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments.join("::"))
    }
}

/// Names and uses of a module's items; its child modules have their own.
pub(super) fn of(items: &[Item]) -> (Names, Vec<Used>) {
    let mut seen = Seen::default();
    for item in items {
        if !matches!(item, Item::Mod(_)) {
            seen.visit_item(item);
        }
        if !attributes(item).is_some_and(is_for_tests)
            && let Some(name) = name_of(item)
        {
            seen.names.define(name);
        }
    }
    (seen.names, seen.used)
}

/// Whether something is only there in tests: `#[cfg(test)]`, alone or with further conditions.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args::<Meta>().is_ok_and(|meta| needs_test(&meta))
        }
        _ => false,
    })
}

fn needs_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => list
            .parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated)
            .is_ok_and(|all| all.iter().any(needs_test)),
        _ => false,
    }
}

fn attributes(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return None,
    })
}

/// The name that an item gives to what it defines. Imports are no definitions.
fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn line_of(ident: &Ident) -> usize {
    ident.span().start().line
}

#[derive(Default)]
struct Seen {
    names: Names,
    used: Vec<Used>,
}

impl Seen {
    fn path(&mut self, path: &syn::Path) {
        // `::name` is another crate.
        if path.leading_colon.is_none() {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let line = path.segments.first().map_or(0, |segment| line_of(&segment.ident));
            self.used.push(Used { segments, line });
        }
    }

    /// One leaf after the other of a `use`.
    fn leaves(&mut self, tree: &UseTree, before: &[String]) {
        let mut whole = before.to_vec();
        match tree {
            UseTree::Path(path) => {
                whole.push(path.ident.to_string());
                self.leaves(&path.tree, &whole);
            }
            UseTree::Name(name) if name.ident == "self" => {
                self.import(whole, None, line_of(&name.ident));
            }
            UseTree::Name(name) => {
                whole.push(name.ident.to_string());
                self.import(whole, None, line_of(&name.ident));
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    whole.push(rename.ident.to_string());
                }
                self.import(whole, Some(rename.rename.to_string()), line_of(&rename.ident));
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.names.import_all(whole.clone());
                self.used.push(Used { segments: whole, line });
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.leaves(tree, before);
                }
            }
        }
    }

    fn import(&mut self, path: Vec<String>, name: Option<String>, line: usize) {
        if let Some(name) = name.or_else(|| path.last().cloned()) {
            self.names.import(name, path.clone());
        }
        self.used.push(Used { segments: path, line });
    }

    /// Paths among tokens that nobody has parsed: arguments of macros, bodies of `macro_rules!`, attributes.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens = tokens.into_iter().peekable();
        let mut open: Option<Used> = None;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    let line = line_of(&ident);
                    match &mut open {
                        Some(path) if colons == 2 => path.segments.push(ident.to_string()),
                        _ => {
                            self.keep(open.take());
                            let segments = vec![ident.to_string()];
                            // After `::` alone it is another crate's name.
                            open = (colons != 2).then_some(Used { segments, line });
                        }
                    }
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.keep(open.take());
                    colons = 0;
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.keep(open.take());
                    colons = 0;
                }
            }
        }
        self.keep(open);
    }

    /// One name alone, among tokens, is mostly a variable; what it may be imported as was seen at the import.
    fn keep(&mut self, path: Option<Used>) {
        self.used.extend(path.filter(|path| path.segments.len() > 1));
    }

    /// Paths in texts of attributes, as `#[serde(with = "crate::x")]` has them.
    fn texts(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.texts(group.stream()),
                TokenTree::Literal(literal) => {
                    let line = literal.span().start().line;
                    let text = literal.to_string();
                    let path = text.trim_matches('"').split('<').next().unwrap_or_default();
                    let segments: Vec<String> = path.split("::").map(str::to_owned).collect();
                    if segments.len() > 1 {
                        self.used.push(Used { segments, line });
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Seen {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).is_some_and(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if let Stmt::Local(local) = statement
            && is_for_tests(&local.attrs)
        {
            return;
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.leaves(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.path(path);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
            self.texts(list.tokens.clone());
        }
    }

    /// Who may see something is no use of that module.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
}
