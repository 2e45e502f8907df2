package xmltree

// A Node is one node for a writer that goes through a subtree in document
// order and wants every octet of it. Readers of data use [Element].
type Node struct {
	d *Document
	i int32
}

// Kinds of [Node].
const (
	ElementNode = elementNode
	TextNode    = textNode
	CommentNode = commentNode
)

// Node returns e as a node.
func (e Element) Node() Node { return Node(e) }

// Following returns the node that comes next in document order: the first
// child, or what follows the subtree.
func (n Node) Following() Node { return Node{n.d, n.i + 1} }

// Behind returns the node that comes next behind n's subtree.
func (n Node) Behind() Node { return Node{n.d, n.d.nodes[n.i].end} }

// Before reports whether n stands before m in document order.
func (n Node) Before(m Node) bool { return n.i < m.i }

// Kind returns what n is.
func (n Node) Kind() kind { return n.d.nodes[n.i].kind }

// Element returns n as an element; n must be one.
func (n Node) Element() Element { return Element(n) }

// QName returns an element's name as it is written, Prefix its prefix.
func (n Node) QName() []byte {
	x := &n.d.nodes[n.i]
	return n.d.src[x.start+1 : x.start+1+int32(x.nameLen)]
}

// Prefix returns the prefix of an element's name.
func (n Node) Prefix() []byte {
	x := &n.d.nodes[n.i]
	return n.d.src[x.start+1 : x.start+1+int32(x.prefixLen)]
}

// Namespace returns the namespace of an element.
func (n Node) Namespace() Namespace { return n.d.nodes[n.i].ns }

// PlainTag returns the start tag of an element, if both of its tags stand in
// the source as canonical XML writes them where no namespace has to be declared
// at it; otherwise nil.
func (n Node) PlainTag() []byte {
	x := &n.d.nodes[n.i]
	if x.flags&plainTag == 0 {
		return nil
	}
	end := x.start + 1 + int32(x.nameLen)
	if x.attrLen > 0 {
		end = n.d.attrs[x.attr+int32(x.attrLen)-1].stop + 1
	}
	return n.d.src[x.start : end+1]
}

// PlainTree returns an element with all below it, if all of that stands in the
// source as canonical XML writes it where the element's namespace is declared
// around it under its prefix; otherwise nil.
func (n Node) PlainTree() []byte {
	x := &n.d.nodes[n.i]
	if x.flags&plainTree == 0 {
		return nil
	}
	return n.d.src[x.start:x.stop]
}

// Text returns the character data of a text node, or of a comment. It reports
// whether characters in it have to be written as references; without them the
// text is written as it is.
func (n Node) Text() (text []byte, escape bool) {
	x := &n.d.nodes[n.i]
	if x.kind == commentNode {
		return lineEnds(n.d.src[x.start:x.stop]), false
	}
	return n.d.text(x), x.flags&special != 0
}

// Attrs returns the number of attributes of an element, declarations aside.
func (n Node) Attrs() int { return int(n.d.nodes[n.i].attrLen) }

// An Attribute is one attribute of an element.
type Attribute struct {
	d     *Document
	i     int32
	value []byte // instead of its own, if not nil
}

// Attr returns attribute k of an element.
func (n Node) Attr(k int) Attribute { return Attribute{d: n.d, i: n.d.nodes[n.i].attr + int32(k)} }

// QName returns the name as it is written, Prefix and Local its parts.
func (a Attribute) QName() []byte {
	x := &a.d.attrs[a.i]
	return a.d.src[x.name : x.name+int32(x.nameLen)]
}

// Prefix returns the prefix of the name.
func (a Attribute) Prefix() []byte {
	x := &a.d.attrs[a.i]
	return a.d.src[x.name : x.name+int32(x.prefixLen)]
}

// Local returns the local part of the name.
func (a Attribute) Local() []byte { return a.d.attrLocal(&a.d.attrs[a.i]) }

// Namespace returns the namespace of the name.
func (a Attribute) Namespace() Namespace { return a.d.attrs[a.i].ns }

// Value returns the value. It reports whether characters in it have to be
// written as references.
func (a Attribute) Value() (value []byte, escape bool) {
	if a.value != nil {
		return a.value, true
	}
	x := &a.d.attrs[a.i]
	return a.d.attrValue(x), x.flags&special != 0
}

// With returns the attribute with another value.
func (a Attribute) With(value []byte) Attribute {
	a.value = value
	return a
}

// Decls returns the number of namespace declarations of an element.
func (n Node) Decls() int { return int(n.d.nodes[n.i].declLen) }

// Decl returns declaration k of an element.
func (n Node) Decl(k int) (prefix []byte, ns Namespace) {
	o := &n.d.decls[int(n.d.nodes[n.i].decl)+k]
	return o.prefix, o.ns
}

// Outside calls f for each binding that was in scope around the root.
func (e Element) Outside(f func(prefix []byte, ns Namespace)) {
	for _, o := range e.d.outside {
		f(o.prefix, o.ns)
	}
}
