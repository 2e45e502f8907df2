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
	decls    []binding // to be written at this element
	attrs    []xmltree.Attribute
	doc      *xmltree.Document
	method   Method
	err      error
}

type binding struct {
	prefix []byte
	ns     xmltree.Namespace
}

type open struct {
	node     xmltree.Node
	rendered int // length of Writer.rendered before the element
}

// flushAt is the length of the buffer beyond which it goes to the output.
const flushAt = 4 << 10

// Write writes the subtree of apex without the subtree of except, which may be
// the zero Element. The ancestors of apex give it the namespaces in scope and,
// for an inclusive form, its inherited xml: attributes.
func (w *Writer) Write(out io.Writer, apex, except xmltree.Element, m Method) error {
	w.out, w.method, w.doc, w.err = out, m, apex.Document(), nil
	w.buf, w.rendered, w.open = w.buf[:0], w.rendered[:0], w.open[:0]

	n, end := apex.Node(), apex.Node().Behind()
	for n.Before(end) {
		w.closeBefore(n)
		if !except.IsZero() && n == except.Node() {
			n = n.Behind()
			continue
		}
		switch n.Kind() {
		case xmltree.ElementNode:
			w.startTag(n, len(w.open) == 0)
		case xmltree.TextNode:
			w.text(n)
		case xmltree.CommentNode:
			w.comment(n)
		}
		n = n.Following()
	}
	w.closeBefore(n)
	w.flush()
	return w.err
}

// closeBefore writes the end tags of all elements that n stands behind.
func (w *Writer) closeBefore(n xmltree.Node) {
	for len(w.open) > 0 {
		top := w.open[len(w.open)-1]
		if n.Before(top.node.Behind()) {
			return
		}
		w.buf = append(w.buf, "</"...)
		w.buf = append(w.buf, top.node.QName()...)
		w.buf = append(w.buf, '>')
		w.rendered = w.rendered[:top.rendered]
		w.open = w.open[:len(w.open)-1]
	}
}

func (w *Writer) flush() {
	if len(w.buf) > 0 && w.err == nil {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

func (w *Writer) startTag(n xmltree.Node, isApex bool) {
	if len(w.buf) > flushAt {
		w.flush()
	}
	w.open = append(w.open, open{n, len(w.rendered)})
	for k := range n.Decls() {
		_, ns := n.Decl(k)
		w.checkAbsolute(ns)
	}
	w.collectAttrs(n, isApex)
	w.collectDecls(n, isApex)

	w.buf = append(w.buf, '<')
	w.buf = append(w.buf, n.QName()...)
	for _, d := range w.decls {
		w.declaration(d)
	}
	for i := range w.attrs {
		w.attribute(&w.attrs[i])
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
			if a := &w.attrs[i]; len(a.Prefix) > 0 {
				w.declare(a.Prefix, a.Namespace)
			}
		}
		w.listed(n, isApex)
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
	w.decls = append(w.decls, binding{prefix, ns})
}

// dropUndeclared removes what needs no declaration at an apex: the default
// namespace where it is none, and the prefix xml.
func (w *Writer) dropUndeclared() {
	w.decls = slices.DeleteFunc(w.decls, func(d binding) bool {
		return d.ns == xmltree.NoNamespace || d.ns == xmltree.XML
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
	for _, d := range w.decls {
		if bytes.Equal(d.prefix, prefix) {
			return
		}
	}
	for i := len(w.rendered) - 1; i >= 0; i-- {
		if d := &w.rendered[i]; bytes.Equal(d.prefix, prefix) {
			if d.ns != ns {
				w.decls = append(w.decls, binding{prefix, ns})
			}
			return
		}
	}
	if ns != xmltree.NoNamespace {
		w.decls = append(w.decls, binding{prefix, ns})
	}
}

func (w *Writer) declaration(d binding) {
	w.checkAbsolute(d.ns)
	w.buf = append(w.buf, " xmlns"...)
	if len(d.prefix) > 0 {
		w.buf = append(w.buf, ':')
		w.buf = append(w.buf, d.prefix...)
	}
	w.buf = append(w.buf, `="`...)
	w.buf = escapeAttr(w.buf, w.doc.URI(d.ns))
	w.buf = append(w.buf, '"')
}

func (w *Writer) checkAbsolute(ns xmltree.Namespace) {
	if uri := w.doc.URI(ns); len(uri) > 0 && !absolute(uri) && w.err == nil {
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
	if len(w.attrs) > 1 {
		slices.SortFunc(w.attrs, func(a, b xmltree.Attribute) int {
			if a.Namespace != b.Namespace {
				return bytes.Compare(w.doc.URI(a.Namespace), w.doc.URI(b.Namespace))
			}
			return bytes.Compare(a.Local, b.Local)
		})
	}
}

func (w *Writer) attribute(a *xmltree.Attribute) {
	w.buf = append(w.buf, ' ')
	w.buf = append(w.buf, a.QName...)
	w.buf = append(w.buf, `="`...)
	if a.Escape {
		w.buf = escapeAttr(w.buf, a.Value)
	} else {
		w.buf = append(w.buf, a.Value...)
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
	case len(text) > flushAt:
		w.flush()
		if w.err == nil {
			_, w.err = w.out.Write(text)
		}
	default:
		w.buf = append(w.buf, text...)
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
