// Package c14n writes the canonical form of an element: Exclusive XML
// Canonicalization 1.0, Canonical XML 1.0 and Canonical XML 1.1.
//
// The octets go to a hash as they arise; no copy of the document is made.
package c14n

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"sallyport/saml/internal/xmltree"
)

// A Method says which canonical form to write.
type Method struct {
	// Exclusive selects Exclusive XML Canonicalization 1.0; otherwise the
	// form is inclusive: Canonical XML 1.0, or 1.1 with V11.
	Exclusive bool
	V11       bool
	// Comments keeps comments.
	Comments bool
	// Prefixes is the PrefixList of an exclusive form: these prefixes are
	// treated as the inclusive form does. The default namespace is "".
	Prefixes []string
}

// ErrRelativeNamespace is returned where a namespace name that is declared in
// the subtree, or would be written, is not an absolute URI: Canonical XML 1.0,
// section 1.1, has no form for it.
var ErrRelativeNamespace = errors.New("a relative namespace URI")

// A Writer writes canonical forms one after another and keeps its memory for
// the next. The zero Writer is ready. It is not safe for concurrent use.
type Writer struct {
	out      io.Writer
	buf      []byte
	rendered []binding // declarations written and in scope, innermost last
	open     []open    // elements whose end tag is not written yet
	started  []started // those around the document of open
	decls    []binding // to be written at this element
	attrs    []xmltree.Attribute
	doc      *xmltree.Document // of the node being written
	method   Method
	err      error
	stepwise bool // take no short cuts: for tests, which compare
}

type binding struct{ prefix, uri []byte }

type open struct {
	node     xmltree.Node
	rendered int // length of Writer.rendered before the element
}

type started struct {
	name     []byte
	rendered int
}

// flushAt is the length of the buffer beyond which it goes to the output.
const flushAt = 4 << 10

// Write writes the subtree of apex without the subtree of except, which may be
// the zero Element. The ancestors of apex give it the namespaces in scope and,
// for an inclusive form, its inherited xml: attributes.
func (w *Writer) Write(out io.Writer, apex, except xmltree.Element, m Method) error {
	w.Begin(out, m)
	w.subtree(apex, except)
	return w.Finish()
}

// Begin starts a form that is written piece by piece, for a document that is
// too large to be parsed at once: [Writer.Start] for an element whose content
// follows, [Writer.Append] and [Writer.Space] for that content, [Writer.End],
// and in the end [Writer.Finish]. The pieces may be parsed one after another,
// as long as the started elements stay valid.
func (w *Writer) Begin(out io.Writer, m Method) {
	w.out, w.method, w.err = out, m, nil
	w.buf, w.rendered, w.open, w.started = w.buf[:0], w.rendered[:0], w.open[:0], w.started[:0]
}

// Start writes the start tag of an element. The first one is the apex.
func (w *Writer) Start(el xmltree.Element) {
	w.started = append(w.started, started{el.Node().QName(), len(w.rendered)})
	w.tag(el.Node(), len(w.started) == 1)
}

// Append writes a whole element inside of the one started last.
func (w *Writer) Append(el xmltree.Element) { w.subtree(el, xmltree.Element{}) }

// Space writes white space as it stands in the document.
func (w *Writer) Space(raw []byte) {
	for i, c := range raw {
		switch {
		case c != '\r':
			w.buf = append(w.buf, c)
		case i+1 == len(raw) || raw[i+1] != '\n':
			w.buf = append(w.buf, '\n')
		}
	}
}

// End writes the end tag of the element started last.
func (w *Writer) End() {
	top := w.started[len(w.started)-1]
	w.endTag(top.name)
	w.rendered = w.rendered[:top.rendered]
	w.started = w.started[:len(w.started)-1]
}

// Finish completes the form. It returns the first error of all that was
// written.
func (w *Writer) Finish() error {
	w.flush()
	return w.err
}

// subtree writes apex, with all below it but except.
func (w *Writer) subtree(apex, except xmltree.Element) {
	n, end := apex.Node(), apex.Node().Behind()
	for n.Before(end) {
		w.closeBefore(n)
		if !except.IsZero() && n == except.Node() {
			n = n.Behind()
			continue
		}
		switch n.Kind() {
		case xmltree.ElementNode:
			isApex := len(w.open)+len(w.started) == 0
			if !isApex && w.asItStands(n, except) {
				n = n.Behind()
				continue
			}
			w.open = append(w.open, open{n, len(w.rendered)})
			w.tag(n, isApex)
		case xmltree.TextNode:
			w.text(n)
		case xmltree.CommentNode:
			w.comment(n)
		}
		n = n.Following()
	}
	w.closeBefore(n)
}

// asItStands writes a whole subtree that is its own canonical form, as most of
// those below the apex are.
func (w *Writer) asItStands(n xmltree.Node, except xmltree.Element) bool {
	tree := n.PlainTree()
	if tree == nil || w.stepwise || !w.declared(n) {
		return false
	}
	if !except.IsZero() && n.Before(except.Node()) && except.Node().Before(n.Behind()) {
		return false
	}
	w.octets(tree)
	return true
}

// declared reports whether an element without declarations needs none of the
// canonical form either. It is not the apex.
func (w *Writer) declared(n xmltree.Node) bool {
	if !w.method.Exclusive {
		return true
	}
	prefix, ns := n.Prefix(), n.Namespace()
	for i := len(w.rendered) - 1; i >= 0; i-- {
		if d := &w.rendered[i]; bytes.Equal(d.prefix, prefix) {
			return bytes.Equal(d.uri, n.Element().Document().URI(ns))
		}
	}
	return ns == xmltree.NoNamespace
}

// octets writes what needs no change.
func (w *Writer) octets(b []byte) {
	if len(b) > flushAt {
		w.flush()
		if w.err == nil {
			_, w.err = w.out.Write(b)
		}
		return
	}
	if w.buf = append(w.buf, b...); len(w.buf) > flushAt {
		w.flush()
	}
}

// closeBefore writes the end tags of all elements that n stands behind.
func (w *Writer) closeBefore(n xmltree.Node) {
	for len(w.open) > 0 {
		top := w.open[len(w.open)-1]
		if n.Before(top.node.Behind()) {
			return
		}
		w.endTag(top.node.QName())
		w.rendered = w.rendered[:top.rendered]
		w.open = w.open[:len(w.open)-1]
	}
}

func (w *Writer) endTag(name []byte) {
	w.buf = append(w.buf, "</"...)
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '>')
}

func (w *Writer) flush() {
	if len(w.buf) > 0 && w.err == nil {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// tag writes a start tag.
func (w *Writer) tag(n xmltree.Node, isApex bool) {
	if len(w.buf) > flushAt {
		w.flush()
	}
	if !isApex && !w.stepwise {
		if tag := n.PlainTag(); tag != nil && w.declared(n) {
			w.buf = append(w.buf, tag...)
			return
		}
	}
	w.doc = n.Element().Document()
	for k := range n.Decls() {
		_, ns := n.Decl(k)
		w.checkAbsolute(w.doc.URI(ns))
	}
	w.collectAttrs(n, isApex)
	w.collectDecls(n, isApex)

	w.buf = append(w.buf, '<')
	w.buf = append(w.buf, n.QName()...)
	for _, d := range w.decls {
		w.declaration(d)
	}
	for i := range w.attrs {
		w.attribute(w.attrs[i])
	}
	w.buf = append(w.buf, '>')
}

// collectDecls finds the namespace declarations to be written at an element:
// Exclusive XML Canonicalization 1.0, section 3; Canonical XML 1.0, section
// 2.3.
func (w *Writer) collectDecls(n xmltree.Node, isApex bool) {
	w.decls = w.decls[:0]
	switch {
	case !w.method.Exclusive && isApex:
		w.inScope(n)
	case !w.method.Exclusive:
		for k := range n.Decls() {
			w.declare(n.Decl(k))
		}
	default:
		w.declare(n.Prefix(), n.Namespace())
		for i := range w.attrs {
			if ns := w.attrs[i].Namespace(); ns != xmltree.NoNamespace {
				w.declare(w.attrs[i].Prefix(), ns)
			}
		}
		w.listed(n, isApex)
	}
	if len(w.decls) == 0 {
		return
	}
	if len(w.decls) > 1 {
		slices.SortFunc(w.decls, func(a, b binding) int { return bytes.Compare(a.prefix, b.prefix) })
	}
	w.rendered = append(w.rendered, w.decls...)
}

// inScope declares all that is in scope at the apex.
func (w *Writer) inScope(n xmltree.Node) {
	for e := n.Element(); !e.IsZero(); e = e.Parent() {
		for k := range e.Node().Decls() {
			w.declareInner(e.Node().Decl(k))
		}
	}
	n.Element().Outside(w.declareInner)
	w.dropUndeclared()
}

// declareInner declares a prefix unless an element further in has done so:
// there, with whatever it stands for, even with nothing.
func (w *Writer) declareInner(prefix []byte, ns xmltree.Namespace) {
	for _, d := range w.decls {
		if bytes.Equal(d.prefix, prefix) {
			return
		}
	}
	w.decls = append(w.decls, binding{prefix, w.doc.URI(ns)})
}

// dropUndeclared removes what needs no declaration at an apex: the default
// namespace where it is none, and the prefix xml.
func (w *Writer) dropUndeclared() {
	w.decls = slices.DeleteFunc(w.decls, func(d binding) bool {
		return len(d.uri) == 0 || string(d.prefix) == "xml"
	})
}

// listed declares the prefixes of the PrefixList as the inclusive form would:
// at the apex all that are in scope, below it those that an element declares.
func (w *Writer) listed(n xmltree.Node, isApex bool) {
	if len(w.method.Prefixes) == 0 {
		return
	}
	if isApex {
		for _, prefix := range w.method.Prefixes {
			if ns, ok := n.Element().Resolve(prefix); ok {
				w.declare([]byte(prefix), ns)
			}
		}
		return
	}
	for k := range n.Decls() {
		if prefix, ns := n.Decl(k); slices.Contains(w.method.Prefixes, string(prefix)) {
			w.declare(prefix, ns)
		}
	}
}

// declare adds a declaration unless one that says the same is in scope in what
// has been written so far.
func (w *Writer) declare(prefix []byte, ns xmltree.Namespace) {
	if ns == xmltree.XML {
		return
	}
	for i := range w.decls {
		if bytes.Equal(w.decls[i].prefix, prefix) {
			return
		}
	}
	uri := w.doc.URI(ns)
	for i := len(w.rendered) - 1; i >= 0; i-- {
		if d := &w.rendered[i]; bytes.Equal(d.prefix, prefix) {
			if !bytes.Equal(d.uri, uri) {
				w.decls = append(w.decls, binding{prefix, uri})
			}
			return
		}
	}
	if ns != xmltree.NoNamespace {
		w.decls = append(w.decls, binding{prefix, uri})
	}
}

func (w *Writer) declaration(d binding) {
	w.checkAbsolute(d.uri)
	w.buf = append(w.buf, " xmlns"...)
	if len(d.prefix) > 0 {
		w.buf = append(w.buf, ':')
		w.buf = append(w.buf, d.prefix...)
	}
	w.buf = append(w.buf, `="`...)
	w.buf = escapeAttr(w.buf, d.uri)
	w.buf = append(w.buf, '"')
}

func (w *Writer) checkAbsolute(uri []byte) {
	if len(uri) > 0 && !absolute(uri) && w.err == nil {
		w.err = ErrRelativeNamespace
	}
}

// absolute reports whether a URI starts with a scheme (RFC 3986, section 3.1).
func absolute(uri []byte) bool {
	for i, c := range uri {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		switch {
		case c == ':':
			return i > 0
		case letter:
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return false
}

// collectAttrs puts the attributes of an element into canonical order:
// unqualified ones first, then by namespace and local name.
func (w *Writer) collectAttrs(n xmltree.Node, isApex bool) {
	w.attrs = w.attrs[:0]
	for k := range n.Attrs() {
		w.attrs = append(w.attrs, n.Attr(k))
	}
	if isApex && !w.method.Exclusive {
		w.inheritXML(n.Element())
	}
	// Most elements have few attributes, and those are in order.
	for i := 1; i < len(w.attrs); i++ {
		if w.compare(w.attrs[i-1], w.attrs[i]) > 0 {
			slices.SortFunc(w.attrs, w.compare)
			return
		}
	}
}

func (w *Writer) compare(a, b xmltree.Attribute) int {
	if m, n := a.Namespace(), b.Namespace(); m != n {
		return bytes.Compare(w.doc.URI(m), w.doc.URI(n))
	}
	return bytes.Compare(a.Local(), b.Local())
}

func (w *Writer) attribute(a xmltree.Attribute) {
	value, escape := a.Value()
	w.buf = append(w.buf, ' ')
	w.buf = append(w.buf, a.QName()...)
	w.buf = append(w.buf, `="`...)
	if escape {
		w.buf = escapeAttr(w.buf, value)
	} else {
		w.buf = append(w.buf, value...)
	}
	w.buf = append(w.buf, '"')
}

func (w *Writer) text(n xmltree.Node) {
	text, escape := n.Text()
	switch {
	case escape:
		for len(text) > flushAt {
			w.buf = escapeText(w.buf, text[:flushAt])
			w.flush()
			text = text[flushAt:]
		}
		w.buf = escapeText(w.buf, text)
	default:
		w.octets(text)
	}
	if len(w.buf) > flushAt {
		w.flush()
	}
}

func (w *Writer) comment(n xmltree.Node) {
	if !w.method.Comments {
		return
	}
	text, _ := n.Text()
	w.buf = append(w.buf, "<!--"...)
	w.buf = append(w.buf, text...)
	w.buf = append(w.buf, "-->"...)
}

func escapeText(out, text []byte) []byte {
	for _, c := range text {
		switch c {
		case '&':
			out = append(out, "&amp;"...)
		case '<':
			out = append(out, "&lt;"...)
		case '>':
			out = append(out, "&gt;"...)
		case '\r':
			out = append(out, "&#xD;"...)
		default:
			out = append(out, c)
		}
	}
	return out
}

func escapeAttr(out, value []byte) []byte {
	for _, c := range value {
		switch c {
		case '&':
			out = append(out, "&amp;"...)
		case '<':
			out = append(out, "&lt;"...)
		case '"':
			out = append(out, "&quot;"...)
		case '\t':
			out = append(out, "&#x9;"...)
		case '\n':
			out = append(out, "&#xA;"...)
		case '\r':
			out = append(out, "&#xD;"...)
		default:
			out = append(out, c)
		}
	}
	return out
}
