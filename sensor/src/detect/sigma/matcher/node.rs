//! A rule's condition over atoms, without what is known beforehand, and with `not` only before atoms.

/// A condition that can be so or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// The atom with this index is so.
    Is(usize),
    /// It is not.
    Not(usize),
    /// All are so; at least two.
    All(Box<[Node]>),
    /// One is so; of at least two.
    Any(Box<[Node]>),
    /// As many are so; at least two, and not all.
    AtLeast(usize, Box<[Node]>),
}

/// A condition, of which may be known beforehand that it is always so or never.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Built {
    Always,
    Never,
    Depends(Node),
}

impl Built {
    pub(super) fn known(value: bool) -> Self {
        if value { Self::Always } else { Self::Never }
    }

    /// At least so many of the parts are so.
    pub(super) fn at_least(count: usize, parts: Vec<Self>) -> Self {
        let mut needed = count;
        let mut open = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Always => needed = needed.saturating_sub(1),
                Self::Never => {}
                Self::Depends(node) => open.push(node),
            }
        }
        if needed == 0 {
            return Self::Always;
        }
        if needed > open.len() {
            return Self::Never;
        }
        if open.len() == 1 {
            return open.pop().map_or(Self::Never, Self::Depends);
        }
        Self::Depends(if needed == open.len() {
            Node::All(flat(open, |node| match node {
                Node::All(parts) => Ok(parts),
                other => Err(other),
            }))
        } else if needed == 1 {
            Node::Any(flat(open, |node| match node {
                Node::Any(parts) => Ok(parts),
                other => Err(other),
            }))
        } else {
            Node::AtLeast(needed, open.into())
        })
    }
}

/// Takes the parts of parts of the same kind for parts.
fn flat(nodes: Vec<Node>, parts: fn(Node) -> Result<Box<[Node]>, Node>) -> Box<[Node]> {
    let mut flat = Vec::with_capacity(nodes.len());
    for node in nodes {
        match parts(node) {
            Ok(parts) => flat.extend(parts),
            Err(node) => flat.push(node),
        }
    }
    flat.into()
}

impl Node {
    /// Whether it can be so while some atoms are not.
    pub(super) fn possible_without(&self, unlikely: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Self::Is(atom) => !unlikely(*atom),
            Self::Not(_) => true,
            Self::All(parts) => parts.iter().all(|part| part.possible_without(unlikely)),
            Self::Any(parts) => parts.iter().any(|part| part.possible_without(unlikely)),
            Self::AtLeast(count, parts) => {
                let possible = parts
                    .iter()
                    .filter(|part| part.possible_without(unlikely))
                    .count();
                possible >= *count
            }
        }
    }

    /// Puts what is cheap to ask first, and calls each atom's use.
    ///
    /// Returns what it costs about to ask all of it.
    pub(super) fn order(&mut self, cost: &mut dyn FnMut(usize) -> u32) -> u32 {
        match self {
            Self::Is(atom) | Self::Not(atom) => cost(*atom),
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                let mut costs: Vec<(u32, Self)> = std::mem::take(parts)
                    .into_iter()
                    .map(|mut part| (part.order(cost), part))
                    .collect();
                costs.sort_by_key(|(cost, _)| *cost);
                let sum = costs
                    .iter()
                    .fold(0, |sum: u32, (cost, _)| sum.saturating_add(*cost));
                *parts = costs.into_iter().map(|(_, part)| part).collect();
                sum
            }
        }
    }
}
