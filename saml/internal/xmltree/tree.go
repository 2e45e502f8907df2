package xmltree

import "bytes"

// A kind is what a node is.
type kind uint8

const (
	elementNode kind = iota
	textNode         // character data, or one CDATA section
	commentNode
)

// Flags of text nodes and attribute values.
const (
	// cooked text differs from what stands in the source: it holds
	// references, carriage returns or, in an attribute, white space to
	// normalise.
	cooked = 1 << iota
	// special text holds characters that canonical XML writes as references
	// although the source holds them as they are.
	special
	// cdata text is the inside of a CDATA section.
	cdata
)

// Flags of elements.
const (
	// plainTag: both tags stand in the source as canonical XML writes them,
	// and declare no namespaces.
	plainTag = 1 << (3 + iota)
	// plainTree: all of the subtree stands there so, and every element of it
	// has the prefix and the namespace of this one.
	plainTree
)

// A node is an element, a text or a comment. Nodes stand in document order;
// those of a subtree follow its element up to end.
type node struct {
	kind      kind
	flags     uint8
	nameLen   uint16 // octets of the qualified name; an element's stands at start+1
	prefixLen uint16 // octets of the prefix, without the colon
	attrLen   uint16
	declLen   uint16
	ns        Namespace
	start     int32 // offset of '<' of an element; of the first octet of a text
	stop      int32 // offset behind the element's end tag, the text or the comment
	end       int32 // index behind the last node of the subtree
	parent    int32 // index of the parent element, -1 for the root
	attr      int32 // index of the first attribute
	decl      int32 // index of the first namespace declaration
}

// An attr is an attribute that is no namespace declaration.
type attr struct {
	flags     uint8
	nameLen   uint16
	prefixLen uint16
	ns        Namespace
	name      int32 // offset of the qualified name
	val, stop int32 // offsets of the value between its quotes
}

// A decl is a namespace declaration. The default namespace has no prefix.
type decl struct {
	prefix []byte
	ns     Namespace
}

// A Document is one parsed XML document. It is never changed and may be read
// by several goroutines at once, until its [Parser] is used again.
type Document struct {
	src      []byte
	nodes    []node
	attrs    []attr
	decls    []decl
	uris     [][]byte
	uriIndex map[string]Namespace // only beyond internAfter names
	outside  []decl               // bindings in scope around the root
	ids      [][]byte             // of elements; beyond internAfter in idSet
	idSet    map[string]bool
	markup   bool // holds comments or CDATA sections
}

// Root returns the document element.
func (d *Document) Root() Element { return Element{d, 0} }

// Elements returns the number of elements.
func (d *Document) Elements() (n int) {
	for i := range d.nodes {
		if d.nodes[i].kind == elementNode {
			n++
		}
	}
	return n
}

// HasID reports whether an element of the document has this ID.
func (d *Document) HasID(id []byte) bool {
	if len(d.idSet) > 0 {
		return d.idSet[string(id)]
	}
	for _, known := range d.ids {
		if bytes.Equal(known, id) {
			return true
		}
	}
	return false
}

// Source returns the octets that were parsed, without a byte order mark.
func (d *Document) Source() []byte { return d.src }

// An Element is one element of a document. The zero Element stands for "none"
// and answers nothing to every question.
type Element struct {
	d *Document
	i int32
}

// IsZero reports whether e stands for no element.
func (e Element) IsZero() bool { return e.d == nil }

// Document returns the document that e belongs to.
func (e Element) Document() *Document { return e.d }

// Is reports whether e has this namespace and local name.
func (e Element) Is(ns Namespace, local string) bool {
	if e.d == nil {
		return false
	}
	n := &e.d.nodes[e.i]
	return n.ns == ns && string(e.d.local(n)) == local
}

// Namespace returns the namespace of e.
func (e Element) Namespace() Namespace {
	if e.d == nil {
		return NoNamespace
	}
	return e.d.nodes[e.i].ns
}

// Local returns the local name of e.
func (e Element) Local() []byte {
	if e.d == nil {
		return nil
	}
	return e.d.local(&e.d.nodes[e.i])
}

// Name returns the qualified name as it is written, with its prefix: for
// messages to people, never to tell elements apart.
func (e Element) Name() string {
	if e.d == nil {
		return ""
	}
	n := &e.d.nodes[e.i]
	return string(e.d.src[n.start+1 : n.start+1+int32(n.nameLen)])
}

func (d *Document) local(n *node) []byte {
	at := n.start + 1
	end := at + int32(n.nameLen)
	if n.prefixLen > 0 {
		at += int32(n.prefixLen) + 1
	}
	return d.src[at:end]
}

// Parent returns the element around e, the zero Element for the root.
func (e Element) Parent() Element {
	if e.d == nil || e.d.nodes[e.i].parent < 0 {
		return Element{}
	}
	return Element{e.d, e.d.nodes[e.i].parent}
}

// First returns the first child element, Next the next sibling element.
func (e Element) First() Element {
	if e.d == nil {
		return Element{}
	}
	return e.d.elementFrom(e.i+1, e.d.nodes[e.i].end)
}

// Next returns the next sibling element, the zero Element after the last one.
func (e Element) Next() Element {
	if e.d == nil {
		return Element{}
	}
	n := &e.d.nodes[e.i]
	if n.parent < 0 {
		return Element{}
	}
	return e.d.elementFrom(n.end, e.d.nodes[n.parent].end)
}

// elementFrom returns the first element among the sibling nodes from i on.
func (d *Document) elementFrom(i, end int32) Element {
	for i < end {
		if d.nodes[i].kind == elementNode {
			return Element{d, i}
		}
		i = d.nodes[i].end
	}
	return Element{}
}

// Child returns the first child element with this name.
func (e Element) Child(ns Namespace, local string) Element {
	for c := e.First(); !c.IsZero(); c = c.Next() {
		if c.Is(ns, local) {
			return c
		}
	}
	return Element{}
}

// Contains reports whether e is other or an ancestor of it.
func (e Element) Contains(other Element) bool {
	return e.d != nil && e.d == other.d && other.i >= e.i && other.i < e.d.nodes[e.i].end
}

// Descendants calls f for e and each element below it, in document order, for
// as long as f returns true.
func (e Element) Descendants(f func(Element) bool) {
	if e.d == nil {
		return
	}
	for i, end := e.i, e.d.nodes[e.i].end; i < end; i++ {
		if e.d.nodes[i].kind == elementNode && !f(Element{e.d, i}) {
			return
		}
	}
}

// Attr returns the value of the attribute with this local name and no
// namespace.
func (e Element) Attr(local string) (value []byte, ok bool) {
	return e.AttrNS(NoNamespace, local)
}

// AttrNS returns the value of the attribute with this name.
func (e Element) AttrNS(ns Namespace, local string) (value []byte, ok bool) {
	if e.d == nil {
		return nil, false
	}
	n := &e.d.nodes[e.i]
	for k := n.attr; k < n.attr+int32(n.attrLen); k++ {
		if a := &e.d.attrs[k]; a.ns == ns && string(e.d.attrLocal(a)) == local {
			return e.d.attrValue(a), true
		}
	}
	return nil, false
}

// Attributes calls f for each attribute of e that has no namespace.
func (e Element) Attributes(f func(local, value []byte)) {
	if e.d == nil {
		return
	}
	n := &e.d.nodes[e.i]
	for k := n.attr; k < n.attr+int32(n.attrLen); k++ {
		if a := &e.d.attrs[k]; a.ns == NoNamespace {
			f(e.d.attrLocal(a), e.d.attrValue(a))
		}
	}
}

func (d *Document) attrLocal(a *attr) []byte {
	at := a.name
	if a.prefixLen > 0 {
		at += int32(a.prefixLen) + 1
	}
	return d.src[at : a.name+int32(a.nameLen)]
}

func (d *Document) attrValue(a *attr) []byte {
	raw := d.src[a.val:a.stop]
	if a.flags&cooked != 0 {
		return decode(raw, true)
	}
	return raw
}

// Resolve returns the namespace that a prefix stands for at e. The empty
// prefix always resolves, to no namespace where none is declared.
func (e Element) Resolve(prefix string) (Namespace, bool) {
	if e.d == nil {
		return NoNamespace, false
	}
	for i := e.i; i >= 0; i = e.d.nodes[i].parent {
		n := &e.d.nodes[i]
		for k := n.decl; k < n.decl+int32(n.declLen); k++ {
			if string(e.d.decls[k].prefix) == prefix {
				return e.d.decls[k].ns, true
			}
		}
	}
	for _, o := range e.d.outside {
		if string(o.prefix) == prefix {
			return o.ns, true
		}
	}
	switch prefix {
	case "":
		return NoNamespace, true
	case "xml":
		return XML, true
	}
	return NoNamespace, false
}

// Bindings returns all that is in scope at e, each prefix once, as a fragment
// that stands in e's place needs them.
func (e Element) Bindings() []Binding {
	if e.d == nil {
		return nil
	}
	var all []Binding
	seen := make(map[string]bool)
	add := func(list []decl) {
		for _, o := range list {
			if p := string(o.prefix); !seen[p] {
				seen[p] = true
				all = append(all, Binding{p, string(e.d.uris[o.ns])})
			}
		}
	}
	for i := e.i; i >= 0; i = e.d.nodes[i].parent {
		n := &e.d.nodes[i]
		add(e.d.decls[n.decl : n.decl+int32(n.declLen)])
	}
	add(e.d.outside)
	return all
}

// Source returns the octets of e as they were received, both tags included.
func (e Element) Source() []byte {
	if e.d == nil {
		return nil
	}
	n := &e.d.nodes[e.i]
	return e.d.src[n.start:n.stop]
}

// Offset returns where e starts in [Document.Source].
func (e Element) Offset() int {
	if e.d == nil {
		return 0
	}
	return int(e.d.nodes[e.i].start)
}

// HasMarkup reports whether a comment or a CDATA section stands anywhere
// inside of e.
func (e Element) HasMarkup() bool {
	if e.d == nil || !e.d.markup {
		return false
	}
	for i := e.i; i < e.d.nodes[e.i].end; i++ {
		if n := &e.d.nodes[i]; n.kind == commentNode || n.flags&cdata != 0 {
			return true
		}
	}
	return false
}

// Line returns the line of e's start tag, from 1. It counts from the start of
// the document each time.
func (e Element) Line() int {
	if e.d == nil {
		return 0
	}
	line, _ := position(e.d.src, int(e.d.nodes[e.i].start))
	return line
}
