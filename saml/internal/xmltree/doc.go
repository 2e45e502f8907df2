// Package xmltree reads an XML document once into an immutable tree.
//
// It is a strict subset of XML 1.0 with Namespaces 1.0, made for messages from
// strangers: UTF-8 only, no DOCTYPE, no processing instructions, no entities
// but the five predefined ones and character references, and limits on depth,
// elements, attributes, namespaces and names. Whatever it does not understand
// it refuses; nothing is repaired.
//
// # The tree
//
// Nodes stand in one slice in document order, so that the subtree of a node is
// a range of that slice and no node can be reached in two ways. A [Document]
// is never changed once it is parsed. Names, texts and values are views of the
// input: they stay valid, and must stay unchanged, as long as the document is
// in use.
//
// Elements and attributes are found by namespace and local name, never by
// prefix, and there is no search over the whole document: a reader descends
// from parent to child. That is what keeps a signature check and the reading
// of the signed data on the same nodes.
//
// # Cost
//
// Time and memory are linear in the input. A [Parser] keeps its memory between
// documents.
package xmltree
