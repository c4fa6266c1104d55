//! Values by filter, level by level.

use std::collections::HashMap;

/// A tree of levels. Wildcards of a filter are levels like others here; which of them match is
/// decided by the walk, which does not recurse, so that no topic is too deep.
#[derive(Debug)]
pub(crate) struct Trie<T> {
    nodes: Vec<Node<T>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Node<T> {
    parent: usize,
    /// The level by which the parent knows it.
    level: Box<str>,
    children: HashMap<Box<str>, usize>,
    value: Option<T>,
}

const ROOT: usize = 0;

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self { nodes: vec![Node::new(ROOT, "")], free: Vec::new() }
    }
}

impl<T> Node<T> {
    fn new(parent: usize, level: &str) -> Self {
        Self { parent, level: level.into(), children: HashMap::new(), value: None }
    }
}

impl<T> Trie<T> {
    fn node(&self, index: usize) -> Option<&Node<T>> {
        self.nodes.get(index)
    }

    fn child(&self, index: usize, level: &str) -> Option<usize> {
        self.node(index)?.children.get(level).copied()
    }

    fn find(&self, path: &str) -> Option<usize> {
        path.split('/').try_fold(ROOT, |index, level| self.child(index, level))
    }

    /// How many levels it holds.
    pub(crate) const fn len(&self) -> usize {
        // Without the root.
        self.nodes.len() - self.free.len() - 1
    }

    pub(crate) fn get_mut(&mut self, path: &str) -> Option<&mut T> {
        let index = self.find(path)?;
        self.nodes.get_mut(index)?.value.as_mut()
    }

    /// The place for the value of this path, which is made if there is none.
    pub(crate) fn entry(&mut self, path: &str) -> Option<&mut Option<T>> {
        let mut index = ROOT;
        for level in path.split('/') {
            index = match self.child(index, level) {
                Some(child) => child,
                None => self.grow(index, level),
            };
        }
        self.nodes.get_mut(index).map(|node| &mut node.value)
    }

    fn grow(&mut self, parent: usize, level: &str) -> usize {
        let node = Node::new(parent, level);
        let index = match self.free.pop() {
            Some(index) => {
                if let Some(place) = self.nodes.get_mut(index) {
                    *place = node;
                }
                index
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.children.insert(level.into(), index);
        }
        index
    }

    /// Takes the value of this path out, and the nodes that nobody needs any more.
    pub(crate) fn remove(&mut self, path: &str) -> Option<T> {
        let mut index = self.find(path)?;
        let value = self.nodes.get_mut(index)?.value.take();
        while index != ROOT {
            let Some(node) = self.nodes.get_mut(index) else { break };
            if node.value.is_some() || !node.children.is_empty() {
                break;
            }
            let (parent, level) = (node.parent, std::mem::take(&mut node.level));
            node.children = HashMap::new();
            self.free.push(index);
            if let Some(parent) = self.nodes.get_mut(parent) {
                parent.children.remove(&level);
                // An emptied table would keep its memory for as long as the level lives.
                if parent.children.is_empty() {
                    parent.children = HashMap::new();
                }
            }
            index = parent;
        }
        value
    }

    /// Calls `each` with the value of every filter that matches this topic name.
    pub(crate) fn each_filter_matching(&mut self, name: &str, mut each: impl FnMut(&mut T)) {
        // Where a filter still has levels to match: a node, and how much of the name is left.
        let mut open: Vec<(usize, Option<&str>)> = vec![(ROOT, Some(name))];
        let special = name.starts_with('$');
        while let Some((index, rest)) = open.pop() {
            // A wildcard at the beginning does not match a name that begins with `$`
            // [MQTT-4.7.2-1].
            let wild = !(special && index == ROOT);
            if wild && let Some(hash) = self.child(index, "#") {
                self.visit(hash, &mut each);
            }
            let Some(rest) = rest else {
                self.visit(index, &mut each);
                continue;
            };
            let (level, rest) = match rest.split_once('/') {
                Some((level, rest)) => (level, Some(rest)),
                None => (rest, None),
            };
            if wild && let Some(plus) = self.child(index, "+") {
                open.push((plus, rest));
            }
            if let Some(child) = self.child(index, level) {
                open.push((child, rest));
            }
        }
    }

    fn visit(&mut self, index: usize, each: &mut impl FnMut(&mut T)) {
        if let Some(value) = self.nodes.get_mut(index).and_then(|node| node.value.as_mut()) {
            each(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::topic;

    #[test]
    fn removing_the_last_value_leaves_nothing_behind() {
        let mut trie = Trie::default();
        for path in ["a", "a/b/c", "a/b/d", "/", "x/y"] {
            *trie.entry(path).unwrap() = Some(path);
        }
        assert_eq!(trie.remove("a/b/zzz"), None);
        for path in ["a/b/c", "a", "x/y", "/", "a/b/d"] {
            assert_eq!(trie.remove(path), Some(path));
        }
        assert_eq!(trie.nodes.len() - trie.free.len(), 1, "the root");
        assert!(trie.nodes[ROOT].children.is_empty());
    }

    fn path() -> impl Strategy<Value = String> {
        let level = prop_oneof![Just(""), Just("a"), Just("b"), Just("$x")];
        prop::collection::vec(level, 1..5).prop_map(|levels| levels.join("/"))
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop_oneof![Just(""), Just("a"), Just("b"), Just("$x"), Just("+")];
        let end = prop_oneof![Just(""), Just("/#")];
        (prop::collection::vec(level, 1..4), end, 0..8)
            .prop_map(|(levels, end, all)| match all {
                0 => "#".to_owned(),
                _ => levels.join("/") + end,
            })
            .prop_filter("not empty", |filter| !filter.is_empty())
    }

    proptest! {
        #[test]
        fn the_walk_agrees_with_the_matching_rules(
            filters in prop::collection::vec(filter(), 1..12),
            names in prop::collection::vec(path(), 1..12),
        ) {
            let mut by_filter = Trie::default();
            for filter in &filters {
                *by_filter.entry(filter).unwrap() = Some(filter.clone());
            }
            for name in &names {
                let mut found = Vec::new();
                by_filter.each_filter_matching(name, |filter| found.push(filter.clone()));
                let mut expected: Vec<_> =
                    filters.iter().filter(|filter| topic::matches(filter, name)).cloned().collect();
                expected.sort();
                expected.dedup();
                found.sort();
                prop_assert_eq!(found, expected, "filters for {}", name);
            }
        }
    }
}
