//! Reads the kernel's own type information (BTF): offsets of members, enum values, tracepoint prototypes.
//!
//! Pure: bytes in, answers out; wrong bytes give an error or "not there", never a panic. Format:
//! Documentation/bpf/btf.rst. Only vmlinux BTF (no split BTF of modules). Why not a library: decision note 0001.

mod skeleton;

use std::collections::HashMap;

use thiserror::Error;

/// Why bytes are no BTF.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BtfError {
    /// The header is not there or says something impossible.
    #[error("not BTF: {0}")]
    Header(&'static str),
    /// A type reaches past the end.
    #[error("BTF cut off in type {id} of {len} bytes")]
    Truncated {
        /// The type's id.
        id: u32,
        /// Length of the type section.
        len: usize,
    },
    /// A kind this reader does not know; everything behind it is unreadable.
    #[error("BTF type {id} has the unknown kind {kind}")]
    UnknownKind {
        /// The type's id.
        id: u32,
        /// The kind.
        kind: u8,
    },
}

mod kind {
    pub(super) const INT: u8 = 1;
    pub(super) const PTR: u8 = 2;
    pub(super) const ARRAY: u8 = 3;
    pub(super) const STRUCT: u8 = 4;
    pub(super) const UNION: u8 = 5;
    pub(super) const ENUM: u8 = 6;
    pub(super) const FWD: u8 = 7;
    pub(super) const TYPEDEF: u8 = 8;
    pub(super) const VOLATILE: u8 = 9;
    pub(super) const CONST: u8 = 10;
    pub(super) const RESTRICT: u8 = 11;
    pub(super) const FUNC: u8 = 12;
    pub(super) const FUNC_PROTO: u8 = 13;
    pub(super) const VAR: u8 = 14;
    pub(super) const DATASEC: u8 = 15;
    pub(super) const FLOAT: u8 = 16;
    pub(super) const DECL_TAG: u8 = 17;
    pub(super) const TYPE_TAG: u8 = 18;
    pub(super) const ENUM64: u8 = 19;
}

const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
/// Deepest nesting followed; the kernel's own is below ten.
const DEPTH: u32 = 32;

/// One type: where its record stands, and the words every record begins with.
#[derive(Clone, Copy)]
struct Type {
    at: usize,
    name: u32,
    info: u32,
    /// Size or type id, depending on the kind.
    word: u32,
}

impl Type {
    fn kind(self) -> u8 {
        ((self.info >> 24) & 0x1f) as u8
    }

    fn vlen(self) -> usize {
        (self.info & 0xffff) as usize
    }

    fn kind_flag(self) -> bool {
        self.info >> 31 == 1
    }

    /// Bytes behind the record's three words; `None` for an unknown kind.
    fn tail(self) -> Option<usize> {
        Some(match self.kind() {
            kind::INT | kind::VAR | kind::DECL_TAG => 4,
            kind::ARRAY => 12,
            kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * self.vlen(),
            kind::ENUM | kind::FUNC_PROTO => 8 * self.vlen(),
            kind::PTR
            | kind::FWD
            | kind::TYPEDEF
            | kind::VOLATILE
            | kind::CONST
            | kind::RESTRICT
            | kind::FUNC
            | kind::FLOAT
            | kind::TYPE_TAG => 0,
            _ => return None,
        })
    }
}

/// Type information, indexed by name.
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where the type with id `index + 1` begins.
    starts: Vec<u32>,
    structs: HashMap<&'a [u8], u32>,
    /// Typedefs `btf_trace_NAME`, by name.
    tracepoints: HashMap<&'a [u8], u32>,
    enums: Vec<u32>,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

impl<'a> Btf<'a> {
    /// Indexes BTF in this machine's byte order (little-endian).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BtfError> {
        let (types, strings) = sections(bytes)?;
        let mut btf = Self {
            types,
            strings,
            starts: Vec::with_capacity(types.len() / 24),
            structs: HashMap::new(),
            tracepoints: HashMap::new(),
            enums: Vec::new(),
        };
        let mut at = 0;
        while at < types.len() {
            at = btf.index_one(at)?;
        }
        Ok(btf)
    }

    /// Indexes the type at an offset; gives the offset of the next.
    fn index_one(&mut self, at: usize) -> Result<usize, BtfError> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a type takes 12 bytes and the section's length is a u32"
        )]
        let id = self.starts.len() as u32 + 1;
        let truncated = BtfError::Truncated { id, len: self.types.len() };
        let Some(ty) = self.type_at(at) else { return Err(truncated) };
        let Some(tail) = ty.tail() else {
            return Err(BtfError::UnknownKind { id, kind: ty.kind() });
        };
        let next = at + 12 + tail;
        if next > self.types.len() {
            return Err(truncated);
        }
        #[expect(clippy::cast_possible_truncation, reason = "below the section's length, a u32")]
        self.starts.push(at as u32);
        let name = self.string(ty.name);
        match ty.kind() {
            kind::STRUCT | kind::UNION if !name.is_empty() => {
                self.structs.entry(name).or_insert(id);
            }
            kind::TYPEDEF => {
                if let Some(tracepoint) = name.strip_prefix(b"btf_trace_") {
                    self.tracepoints.entry(tracepoint).or_insert(id);
                }
            }
            kind::ENUM => self.enums.push(id),
            _ => {}
        }
        Ok(next)
    }

    fn type_at(&self, at: usize) -> Option<Type> {
        Some(Type {
            at,
            name: word(self.types, at)?,
            info: word(self.types, at + 4)?,
            word: word(self.types, at + 8)?,
        })
    }

    fn get(&self, id: u32) -> Option<Type> {
        let start = *self.starts.get(usize::try_from(id).ok()?.checked_sub(1)?)?;
        self.type_at(start as usize)
    }

    fn string(&self, offset: u32) -> &'a [u8] {
        let rest = self.strings.get(offset as usize..).unwrap_or_default();
        rest.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Follows typedefs and qualifiers to what they stand for.
    fn resolve(&self, mut id: u32) -> Option<Type> {
        for _ in 0..DEPTH {
            let ty = self.get(id)?;
            match ty.kind() {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = ty.word;
                }
                _ => return Some(ty),
            }
        }
        None
    }

    /// Offset in bytes of a member of a named struct, through anonymous members and along a dotted path
    /// (`"css.cgroup"`). `None` when this kernel has no such struct or member.
    pub fn offset(&self, structure: &str, path: &str) -> Option<u32> {
        let mut ty = self.get(*self.structs.get(structure.as_bytes())?)?;
        let mut bits = 0;
        for name in path.split('.') {
            let (member, offset) = self.member(ty, name.as_bytes(), 0)?;
            bits += offset;
            ty = self.resolve(member)?;
        }
        (bits % 8 == 0).then_some(bits / 8)
    }

    /// A member of one bit: offset in bytes of the aligned 32-bit word that holds it, and its mask there.
    pub fn bit(&self, structure: &str, name: &str) -> Option<(u32, u32)> {
        let ty = self.get(*self.structs.get(structure.as_bytes())?)?;
        let (_, bits) = self.member(ty, name.as_bytes(), 0)?;
        Some((bits / 32 * 4, 1 << (bits % 32)))
    }

    /// Type and offset in bits of a member.
    fn member(&self, ty: Type, wanted: &[u8], depth: u32) -> Option<(u32, u32)> {
        if depth > DEPTH || !matches!(ty.kind(), kind::STRUCT | kind::UNION) {
            return None;
        }
        for index in 0..ty.vlen() {
            let at = ty.at + 12 + 12 * index;
            let (name, member) = (word(self.types, at)?, word(self.types, at + 4)?);
            let raw = word(self.types, at + 8)?;
            let offset = if ty.kind_flag() { raw & 0xff_ffff } else { raw };
            let name = self.string(name);
            if name == wanted {
                return Some((member, offset));
            }
            if name.is_empty() {
                let inner = self.resolve(member).and_then(|ty| self.member(ty, wanted, depth + 1));
                if let Some((found, inner)) = inner {
                    return Some((found, offset + inner));
                }
            }
        }
        None
    }

    /// The value of an enumerator, in whichever enum it stands.
    pub fn enumerator(&self, name: &str) -> Option<u32> {
        self.enums.iter().filter_map(|id| self.get(*id)).find_map(|ty| {
            (0..ty.vlen()).find_map(|index| {
                let at = ty.at + 12 + 8 * index;
                let found = self.string(word(self.types, at)?) == name.as_bytes();
                if found { word(self.types, at + 4) } else { None }
            })
        })
    }

    /// The arguments of a built-in tracepoint: the name of the struct each points at, or an empty string for
    /// anything else. `None` when the kernel has no such tracepoint built in.
    pub fn tracepoint(&self, name: &str) -> Option<Vec<String>> {
        let typedef = self.get(*self.tracepoints.get(name.as_bytes())?)?;
        let pointer = self.get(typedef.word)?;
        let proto =
            self.resolve(if pointer.kind() == kind::PTR { pointer.word } else { return None })?;
        if proto.kind() != kind::FUNC_PROTO {
            return None;
        }
        // The first parameter is the probe's own data pointer.
        (1..proto.vlen())
            .map(|index| {
                let parameter = word(self.types, proto.at + 12 + 8 * index + 4)?;
                Some(self.pointee(parameter).unwrap_or_default())
            })
            .collect()
    }

    /// The name of the struct a pointer type points at.
    fn pointee(&self, id: u32) -> Option<String> {
        let pointer = self.resolve(id)?;
        if pointer.kind() != kind::PTR {
            return None;
        }
        let target = self.resolve(pointer.word)?;
        matches!(target.kind(), kind::STRUCT | kind::UNION)
            .then(|| String::from_utf8_lossy(self.string(target.name)).into_owned())
    }
}

/// The type and string sections.
fn sections(bytes: &[u8]) -> Result<(&[u8], &[u8]), BtfError> {
    let field = |at| word(bytes, at).ok_or(BtfError::Header("shorter than its header"));
    let magic = bytes.get(..2).map(|two| u16::from_le_bytes([two[0], two[1]]));
    if magic != Some(MAGIC) {
        return Err(BtfError::Header("the magic number is missing"));
    }
    let header = field(4)? as usize;
    if header < HEADER {
        return Err(BtfError::Header("the header is too short"));
    }
    let section = |offset: u32, len: u32| {
        let start = header.checked_add(offset as usize)?;
        bytes.get(start..start.checked_add(len as usize)?)
    };
    let types =
        section(field(8)?, field(12)?).ok_or(BtfError::Header("the types reach past the end"))?;
    let strings = section(field(16)?, field(20)?)
        .ok_or(BtfError::Header("the strings reach past the end"))?;
    Ok((types, strings))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Puts BTF together by hand: what each test needs and nothing else.
    #[derive(Default)]
    pub(super) struct Builder {
        types: Vec<u8>,
        strings: Vec<u8>,
        count: u32,
    }

    impl Builder {
        pub(super) fn new() -> Self {
            Self { strings: vec![0], ..Self::default() }
        }

        fn name(&mut self, name: &str) -> u32 {
            if name.is_empty() {
                return 0;
            }
            let at = u32::try_from(self.strings.len()).unwrap();
            self.strings.extend(name.as_bytes());
            self.strings.push(0);
            at
        }

        pub(super) fn ty(
            &mut self,
            name: &str,
            kind: u8,
            vlen: usize,
            word: u32,
            tail: &[u32],
        ) -> u32 {
            let name = self.name(name);
            let info = u32::from(kind) << 24 | u32::try_from(vlen).unwrap();
            for value in [name, info, word].iter().chain(tail) {
                self.types.extend(value.to_le_bytes());
            }
            self.count += 1;
            self.count
        }

        pub(super) fn structure(&mut self, name: &str, members: &[(&str, u32, u32)]) -> u32 {
            let tail: Vec<u32> =
                members.iter().flat_map(|(name, ty, bits)| [self.name(name), *ty, *bits]).collect();
            self.ty(name, kind::STRUCT, members.len(), 0, &tail)
        }

        pub(super) fn bytes(&self) -> Vec<u8> {
            let (types, strings) = (
                u32::try_from(self.types.len()).unwrap(),
                u32::try_from(self.strings.len()).unwrap(),
            );
            let mut out = vec![0x9f, 0xeb, 1, 0];
            for value in [24, 0, types, types, strings] {
                out.extend(value.to_le_bytes());
            }
            out.extend(&self.types);
            out.extend(&self.strings);
            out
        }
    }

    fn sample() -> Vec<u8> {
        let mut b = Builder::new();
        let int = b.ty("int", kind::INT, 0, 4, &[0]);
        let inner = b.structure("", &[("deep", int, 64)]);
        let css = b.structure("css", &[("cgroup", int, 32)]);
        let css_t = b.ty("css_t", kind::TYPEDEF, 0, css, &[]);
        let request =
            b.structure("request", &[("q", int, 0), ("", inner, 128), ("css", css_t, 256)]);
        let pointer = b.ty("", kind::PTR, 0, request, &[]);
        let proto = b.ty("", kind::FUNC_PROTO, 3, 0, &[0, pointer, 0, pointer, 0, int]);
        let to_proto = b.ty("", kind::PTR, 0, proto, &[]);
        b.ty("btf_trace_block_rq_issue", kind::TYPEDEF, 0, to_proto, &[]);
        let name = b.name("__REQ_PREFLUSH");
        b.ty("req_flag_bits", kind::ENUM, 1, 4, &[name, 18]);
        b.bytes()
    }

    #[test]
    fn members_are_found_through_anonymous_structs_and_paths() {
        let bytes = sample();
        let btf = Btf::parse(&bytes).unwrap();
        assert_eq!(btf.offset("request", "q"), Some(0));
        assert_eq!(btf.offset("request", "deep"), Some(24));
        assert_eq!(btf.offset("request", "css.cgroup"), Some(36));
        assert_eq!(btf.offset("request", "gone"), None);
        assert_eq!(btf.offset("nothing", "q"), None);
        assert_eq!(btf.enumerator("__REQ_PREFLUSH"), Some(18));
    }

    #[test]
    fn a_bit_is_found_in_its_aligned_word() {
        let mut b = Builder::new();
        let int = b.ty("int", kind::INT, 0, 4, &[0]);
        // With the kind flag, the upper byte of an offset is the width of a bit field.
        let name = b.name("in_iowait");
        let structure = b.name("task");
        let info = 1 << 31 | u32::from(kind::STRUCT) << 24 | 1;
        for value in [structure, info, 16, name, int, 1 << 24 | 0x42] {
            b.types.extend(value.to_le_bytes());
        }
        let bytes = b.bytes();
        let btf = Btf::parse(&bytes).unwrap();
        assert_eq!(btf.bit("task", "in_iowait"), Some((8, 1 << 2)));
        assert_eq!(btf.offset("task", "in_iowait"), None, "it does not begin at a byte");
        assert_eq!(btf.bit("task", "gone"), None);
    }

    #[test]
    fn a_prototype_names_what_its_arguments_point_at() {
        let bytes = sample();
        let btf = Btf::parse(&bytes).unwrap();
        let expected = vec!["request".to_owned(), String::new()];
        assert_eq!(btf.tracepoint("block_rq_issue"), Some(expected));
        assert_eq!(btf.tracepoint("block_io_start"), None);
    }

    proptest! {
        #[test]
        fn cut_or_damaged_bytes_never_panic(cut in 0usize..600, at in 0usize..600, value: u8) {
            let mut bytes = sample();
            bytes.truncate(cut);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            if let Ok(btf) = Btf::parse(&bytes) {
                let _unused = btf.offset("request", "css.cgroup");
                let _unused = btf.tracepoint("block_rq_issue");
                let _unused = btf.enumerator("__REQ_PREFLUSH");
            }
        }
    }
}
