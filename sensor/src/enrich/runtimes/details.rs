//! What a runtime says of a container, bounded.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};

use super::{
    Runtime,
    image::{Reference, digest},
};

/// Labels that are kept of a container, and of a pod.
pub const LABELS: usize = 64;

/// Bytes of keys and values of labels that are kept of a container, and of a pod.
pub const LABEL_BYTES: usize = 4096;

/// Bytes of a name or an id that is kept.
pub const TEXT_BYTES: usize = 256;

/// Digests of its image that are kept of a container.
pub const IMAGE_HASHES: usize = 8;

const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
const POD_NAME: &str = "io.kubernetes.pod.name";
const POD_UID: &str = "io.kubernetes.pod.uid";

/// What a runtime says of a container. What is empty or over a bound is left out, never cut: half
/// a name is another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The runtime that said it.
    pub runtime: Runtime,
    /// The container's name, at most [`TEXT_BYTES`].
    pub name: Option<String>,
    /// The repository of its image.
    pub image_name: Option<String>,
    /// The tag of its image.
    pub image_tag: Option<String>,
    /// The digests of its image, each with its algorithm, at most [`IMAGE_HASHES`].
    pub image_hashes: Vec<String>,
    /// Its labels by key, at most [`LABELS`] and [`LABEL_BYTES`].
    pub labels: Vec<(String, String)>,
    /// The Kubernetes pod that it is in, or that it holds together.
    pub pod: Option<PodDetails>,
    /// How many values were over a bound.
    pub left_out: u64,
}

/// A Kubernetes pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodDetails {
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its unique id.
    pub uid: Option<String>,
    /// Its own labels by key, bounded as a container's.
    pub labels: Vec<(String, String)>,
}

impl Details {
    pub(super) const fn new(runtime: Runtime) -> Self {
        Self {
            runtime,
            name: None,
            image_name: None,
            image_tag: None,
            image_hashes: Vec::new(),
            labels: Vec::new(),
            pod: None,
            left_out: 0,
        }
    }

    /// Takes a name, bounded.
    pub(super) fn set_name(&mut self, name: &str) {
        self.name = bounded(name, &mut self.left_out);
    }

    /// Takes what a reference says of the image. The first that has a name gives it, and its tag;
    /// all of them give digests. Text that is not a reference is passed over.
    pub(super) fn add_image(&mut self, reference: &str) {
        let Some(reference) = Reference::parse(reference) else {
            return;
        };
        if let (None, Some(name)) = (&self.image_name, reference.name) {
            self.image_name = bounded(name, &mut self.left_out);
            self.image_tag = reference.tag.map(str::to_owned);
        }
        if let Some(digest) = reference.digest {
            self.add_image_hash(digest);
        }
    }

    /// Takes a digest, whose algorithm is SHA-256 where it names none.
    pub(super) fn add_image_hash(&mut self, hash: &str) {
        let named = format!("sha256:{hash}");
        let Some(hash) = digest(hash).or_else(|| digest(&named)) else {
            return;
        };
        if self.image_hashes.iter().any(|known| known == hash) {
            return;
        }
        if self.image_hashes.len() >= IMAGE_HASHES {
            self.left_out += 1;
            return;
        }
        self.image_hashes.push(hash.to_owned());
    }

    /// Takes the labels, and the pod from them where they name one.
    pub(super) fn set_labels(&mut self, labels: Labels) {
        self.left_out += labels.left_out;
        self.pod = labels.pod.is_named().then_some(labels.pod);
        self.labels = labels.kept;
    }

    /// Takes a pod, as the runtime itself knows it.
    pub(super) fn set_pod(&mut self, namespace: &str, name: &str, uid: &str, labels: Labels) {
        let mut pod = PodDetails {
            namespace: bounded(namespace, &mut self.left_out),
            name: bounded(name, &mut self.left_out),
            uid: bounded(uid, &mut self.left_out),
            labels: labels.kept,
        };
        // They repeat what is told beside them.
        pod.labels
            .retain(|(key, _)| ![POD_NAMESPACE, POD_NAME, POD_UID].contains(&key.as_str()));
        self.left_out += labels.left_out;
        self.pod = pod.is_named().then_some(pod);
    }
}

impl PodDetails {
    const fn is_named(&self) -> bool {
        self.namespace.is_some() || self.name.is_some() || self.uid.is_some()
    }
}

fn bounded(text: &str, left_out: &mut u64) -> Option<String> {
    if text.len() > TEXT_BYTES {
        *left_out += 1;
        return None;
    }
    (!text.is_empty()).then(|| text.to_owned())
}

/// Labels within their bounds, as they arrive. A pod's name is found in them also where it comes
/// after the bound.
#[derive(Debug, Default)]
pub(super) struct Labels {
    kept: Vec<(String, String)>,
    bytes: usize,
    pod: PodDetails,
    left_out: u64,
}

impl Labels {
    /// The labels of a map; those that come first by key are kept.
    pub(super) fn sorted(labels: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.sort_unstable();
        let mut sorted = Self::default();
        for (key, value) in labels {
            sorted.add(key, value);
        }
        sorted
    }

    /// The value of a label that was kept.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let found = self.kept.iter().find(|(kept, _)| kept == key)?;
        Some(&found.1)
    }

    fn add(&mut self, key: String, value: String) {
        let pod = match key.as_str() {
            POD_NAMESPACE => Some(&mut self.pod.namespace),
            POD_NAME => Some(&mut self.pod.name),
            POD_UID => Some(&mut self.pod.uid),
            _ => None,
        };
        if let Some(place) = pod {
            *place = bounded(&value, &mut 0);
        }
        let bytes = self.bytes + key.len() + value.len();
        if self.kept.len() >= LABELS || bytes > LABEL_BYTES {
            self.left_out += 1;
            return;
        }
        self.bytes = bytes;
        self.kept.push((key, value));
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Labels;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                // One by one: a body full of labels shall not be many times its size in memory.
                let mut labels = Labels::default();
                while let Some((key, value)) = map.next_entry()? {
                    labels.add(key, value);
                }
                labels.kept.sort_unstable();
                Ok(labels)
            }
        }

        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn labels_name_the_pod_also_behind_the_bound() {
        let many = (0..100).map(|number| (format!("a{number:03}"), String::new()));
        let pod = pairs(&[(POD_NAME, "web"), (POD_NAMESPACE, "shop"), (POD_UID, "")]);
        let mut details = Details::new(Runtime::Docker);
        details.set_labels(Labels::sorted(many.chain(pod)));
        assert_eq!(details.labels.len(), LABELS);
        assert_eq!(details.labels[0].0, "a000");
        assert_eq!(details.left_out, 103 - LABELS as u64);
        let pod = details.pod.unwrap();
        assert_eq!(pod.name.as_deref(), Some("web"));
        assert_eq!(pod.namespace.as_deref(), Some("shop"));
        assert_eq!(pod.uid, None);
    }

    #[test]
    fn what_is_too_long_is_left_out_and_counted() {
        let mut details = Details::new(Runtime::Docker);
        details.set_name(&"n".repeat(TEXT_BYTES + 1));
        details.set_labels(Labels::sorted([
            ("a".to_owned(), "v".repeat(LABEL_BYTES)),
            ("b".to_owned(), "v".repeat(LABEL_BYTES - 1)),
        ]));
        assert_eq!(details.name, None);
        assert_eq!(details.labels.len(), 1);
        assert_eq!(details.labels[0].0, "b");
        assert_eq!(details.left_out, 2);
    }

    #[test]
    fn the_first_name_is_the_images_and_all_digests_are() {
        let mut details = Details::new(Runtime::CriO);
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(64));
        details.add_image(&format!("sha256:{one}"));
        details.add_image("shop/web:7");
        details.add_image(&format!("other/name@sha256:{two}"));
        details.add_image_hash(&one);
        details.add_image_hash("none");
        assert_eq!(details.image_name.as_deref(), Some("shop/web"));
        assert_eq!(details.image_tag.as_deref(), Some("7"));
        assert_eq!(
            details.image_hashes,
            [format!("sha256:{one}"), format!("sha256:{two}")]
        );
        for number in 0..20 {
            details.add_image_hash(&format!("{number:064}"));
        }
        assert_eq!(details.image_hashes.len(), IMAGE_HASHES);
        assert_eq!(details.left_out, 20 - (IMAGE_HASHES as u64 - 2));
    }

    proptest! {
        #[test]
        fn labels_are_bounded_and_none_is_lost_uncounted(
            labels in proptest::collection::btree_map(".{0,20}", ".{0,300}", 0..120),
        ) {
            let count = labels.len() as u64;
            let json = serde_json::to_string(&labels).unwrap();
            let read: Labels = serde_json::from_str(&json).unwrap();
            for kept in [Labels::sorted(labels), read] {
                let bytes: usize = kept.kept.iter().map(|(k, v)| k.len() + v.len()).sum();
                prop_assert!(kept.kept.len() <= LABELS && bytes <= LABEL_BYTES);
                prop_assert!(kept.kept.is_sorted());
                prop_assert_eq!(kept.kept.len() as u64 + kept.left_out, count);
            }
        }
    }
}
