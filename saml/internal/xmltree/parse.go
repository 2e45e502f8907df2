package xmltree

import (
	"bytes"
	"unicode/utf8"
)

// Options say what a document may hold beyond elements and text, and where it
// stands.
type Options struct {
	Limits Limits
	// Markup lets comments and CDATA sections pass. Protocol messages have
	// none; metadata files do.
	Markup bool
	// Scope holds the namespace bindings around a fragment.
	Scope []Binding
}

// A Parser parses documents one after another and keeps its memory for the
// next. The zero Parser is ready. It is not safe for concurrent use.
type Parser struct {
	doc    Document
	opt    Options
	pos    int
	depth  []frame
	scope  []int32 // indexes into doc.decls of what is in scope, innermost last
	elems  int
	reason string
	next   [rares]int // where each of the rare octets stands next
}

// rare are octets that most documents hold few of, or none. Where each stands
// next is remembered, so that no value is searched for what is far away.
const (
	rareAmp = iota
	rareCR
	rareLF
	rareTab
	rareLT // not rare, but once for each tag
	rares
)

var rare = [rares]byte{rareAmp: '&', rareCR: '\r', rareLF: '\n', rareTab: '\t', rareLT: '<'}

// holds reports whether one of the rare octets stands in src[start:stop].
// Starts never go back.
func (p *Parser) holds(k, start, stop int) bool {
	if p.next[k] < start {
		p.advance(k, start)
	}
	return p.next[k] < stop
}

func (p *Parser) advance(k, start int) {
	n := bytes.IndexByte(p.doc.src[start:], rare[k])
	if n < 0 {
		n = len(p.doc.src)
	}
	p.next[k] = start + n
}

// A frame is an element whose end tag has not come yet.
type frame struct {
	node  int32
	scope int  // length of scope before the element
	plain bool // all of the subtree so far is a plainTree
}

// Parse reads a whole document. The document, and all that was read from it,
// is valid until the next call of Parse and as long as src is not changed. An
// error is a [*SyntaxError].
func (p *Parser) Parse(src []byte, opt Options) (*Document, error) {
	p.reset(opt)
	src = bytes.TrimPrefix(src, []byte("\xEF\xBB\xBF"))
	p.doc.src = src
	if len(src) > MaxSize {
		return nil, &SyntaxError{Line: 1, Column: 1, Reason: "a document that is too large"}
	}
	if at, reason := checkChars(src); at >= 0 {
		p.pos, p.reason = at, reason
	}
	if p.reason != "" || !p.document() {
		line, column := position(src, p.pos)
		return nil, &SyntaxError{Line: line, Column: column, Reason: p.reason}
	}
	return &p.doc, nil
}

func (p *Parser) reset(opt Options) {
	opt.Limits = opt.Limits.withDefaults()
	p.opt = opt
	d := &p.doc
	*d = Document{nodes: d.nodes[:0], attrs: d.attrs[:0], decls: d.decls[:0],
		uris: d.uris[:0], uriIndex: d.uriIndex, outside: d.outside[:0],
		ids: d.ids[:0], idSet: d.idSet}
	clear(d.uriIndex)
	d.uris = append(d.uris, wellKnownNames...)
	for _, b := range opt.Scope {
		d.outside = append(d.outside, decl{prefix: []byte(b.Prefix), ns: d.intern([]byte(b.URI))})
	}
	p.pos, p.elems, p.reason = 0, 0, ""
	p.next = [rares]int{-1, -1, -1, -1, -1}
	p.depth, p.scope = p.depth[:0], p.scope[:0]
	clear(d.idSet)
}

func (p *Parser) fail(reason string) bool {
	p.reason = reason
	return false
}

func (p *Parser) failAt(pos int, reason string) bool {
	p.pos = pos
	return p.fail(reason)
}

// position counts lines and columns up to an offset.
func position(src []byte, offset int) (line, column int) {
	before := src[:min(offset, len(src))]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, len(before) - bytes.LastIndexByte(before, '\n')
}

func (p *Parser) document() bool {
	if !p.declaration() {
		return false
	}
	src := p.doc.src
	for {
		p.spaces()
		if p.pos >= len(src) {
			return p.fail("no element")
		}
		if src[p.pos] != '<' {
			return p.fail("text outside the document element")
		}
		if p.startsElement() {
			break
		}
		if !p.markup() {
			return false
		}
	}
	if !p.content() {
		return false
	}
	for {
		p.spaces()
		if p.pos >= len(src) {
			return true
		}
		if src[p.pos] != '<' || p.startsElement() {
			return p.fail("something behind the document element")
		}
		if !p.markup() {
			return false
		}
	}
}

func (p *Parser) startsElement() bool {
	next := p.peek(1)
	return next != '!' && next != '?' && next != '/'
}

func (p *Parser) peek(n int) byte {
	if p.pos+n < len(p.doc.src) {
		return p.doc.src[p.pos+n]
	}
	return 0
}

func (p *Parser) spaces() {
	for p.pos < len(p.doc.src) && class[p.doc.src[p.pos]]&space != 0 {
		p.pos++
	}
}

// content reads the document element: tags, text and what stands between
// them, without recursion.
func (p *Parser) content() bool {
	if !p.startTag() {
		return false
	}
	src := p.doc.src
	for len(p.depth) > 0 {
		if p.pos >= len(src) {
			return p.fail("the end of the document inside of an element")
		}
		var ok bool
		switch {
		case src[p.pos] != '<':
			ok = p.characters()
		case p.peek(1) == '/':
			ok = p.endTag()
		case p.startsElement():
			ok = p.startTag()
		default:
			ok = p.markup()
		}
		if !ok {
			return false
		}
	}
	return true
}

// characters reads text up to the next tag.
func (p *Parser) characters() bool {
	src := p.doc.src
	start := p.pos
	if !p.holds(rareLT, start, len(src)) {
		return p.failAt(len(src), "the end of the document inside of an element")
	}
	n := p.next[rareLT] - start
	var flags uint8
	if bytes.IndexByte(src[start:start+n], '>') >= 0 || p.holds(rareAmp, start, start+n) || p.holds(rareCR, start, start+n) {
		var ok bool
		if flags, ok = p.textFlags(src[start : start+n]); !ok {
			return false
		}
	}
	p.leaf(textNode, flags, start, start+n)
	p.pos = start + n
	return true
}

// textFlags looks for what makes text differ from its canonical form, and
// checks the references in it.
func (p *Parser) textFlags(text []byte) (flags uint8, ok bool) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '&':
			_, n := reference(text[i:])
			if n == 0 {
				return 0, p.failAt(p.pos+i, "an entity that is not one of the five predefined ones, or a bad character reference")
			}
			flags |= cooked | special
			i += n - 1
		case '\r':
			flags |= cooked | special
		case '>':
			if i >= 2 && text[i-1] == ']' && text[i-2] == ']' {
				return 0, p.failAt(p.pos+i, "]]> in text")
			}
			flags |= special
		}
	}
	return flags, true
}

// leaf adds a node without children below the open element. Outside of the
// document element there is nothing to add it to: comments there are dropped.
func (p *Parser) leaf(k kind, flags uint8, start, stop int) {
	if len(p.depth) == 0 {
		return
	}
	d := &p.doc
	if flags != 0 || k == commentNode {
		p.depth[len(p.depth)-1].plain = false
	}
	d.nodes = append(d.nodes, node{
		kind: k, flags: flags, start: int32(start), stop: int32(stop),
		end: int32(len(d.nodes) + 1), parent: p.depth[len(p.depth)-1].node,
	})
}

// markup reads a comment or a CDATA section, or says what is refused.
func (p *Parser) markup() bool {
	rest := p.doc.src[p.pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return p.comment()
	case bytes.HasPrefix(rest, []byte("<![CDATA[")) && len(p.depth) > 0:
		return p.cdata()
	case bytes.HasPrefix(rest, []byte("<!DOCTYPE")):
		return p.fail(ReasonDoctype)
	case bytes.HasPrefix(rest, []byte("<?xml ")):
		return p.fail("an XML declaration that does not stand at the start")
	case bytes.HasPrefix(rest, []byte("<?")):
		return p.fail("a processing instruction")
	case bytes.HasPrefix(rest, []byte("</")):
		return p.fail("an end tag without its start tag")
	}
	return p.fail("markup that is not allowed here")
}

func (p *Parser) comment() bool {
	if !p.opt.Markup {
		return p.fail("a comment")
	}
	start := p.pos + len("<!--")
	n := bytes.Index(p.doc.src[start:], []byte("--"))
	if n < 0 {
		return p.fail("a comment without an end")
	}
	stop := start + n
	if stop+2 >= len(p.doc.src) || p.doc.src[stop+2] != '>' {
		return p.failAt(stop, "-- inside of a comment")
	}
	p.leaf(commentNode, 0, start, stop)
	p.doc.markup = true
	p.pos = stop + len("-->")
	return true
}

func (p *Parser) cdata() bool {
	if !p.opt.Markup {
		return p.fail("a CDATA section")
	}
	start := p.pos + len("<![CDATA[")
	n := bytes.Index(p.doc.src[start:], []byte("]]>"))
	if n < 0 {
		return p.fail("a CDATA section without an end")
	}
	stop := start + n
	flags := uint8(cdata | special)
	if bytes.IndexByte(p.doc.src[start:stop], '\r') >= 0 {
		flags |= cooked
	}
	p.leaf(textNode, flags, start, stop)
	p.doc.markup = true
	p.pos = stop + len("]]>")
	return true
}

func (p *Parser) endTag() bool {
	src := p.doc.src
	top := p.depth[len(p.depth)-1]
	n := &p.doc.nodes[top.node]
	name := src[n.start+1 : n.start+1+int32(n.nameLen)]
	if !bytes.HasPrefix(src[p.pos+2:], name) {
		return p.fail("an end tag that does not match its start tag")
	}
	p.pos += 2 + len(name)
	if p.peek(0) != '>' {
		p.spaces()
		n.flags &^= plainTag
	}
	if p.peek(0) != '>' {
		return p.fail("an end tag that does not match its start tag")
	}
	p.pos++
	p.close(p.pos)
	return true
}

// close ends the innermost open element.
func (p *Parser) close(stop int) {
	top := p.depth[len(p.depth)-1]
	n := &p.doc.nodes[top.node]
	n.stop = int32(stop)
	n.end = int32(len(p.doc.nodes))
	p.scope = p.scope[:top.scope]
	p.depth = p.depth[:len(p.depth)-1]
	if top.plain && n.flags&plainTag != 0 {
		n.flags |= plainTree
	}
	if len(p.depth) == 0 {
		return
	}
	around := &p.depth[len(p.depth)-1]
	if n.flags&plainTree == 0 || !p.doc.sameName(n, &p.doc.nodes[around.node]) {
		around.plain = false
	}
}

// sameName reports whether two elements have one prefix and namespace.
func (d *Document) sameName(a, b *node) bool {
	return a.ns == b.ns && bytes.Equal(d.src[a.start+1:a.start+1+int32(a.prefixLen)], d.src[b.start+1:b.start+1+int32(b.prefixLen)])
}

// startTag reads a start tag or an empty-element tag.
func (p *Parser) startTag() bool {
	d := &p.doc
	parent := int32(-1)
	if len(p.depth) > 0 {
		parent = p.depth[len(p.depth)-1].node
	}
	if len(p.depth) >= p.opt.Limits.Depth {
		return p.fail("elements nested too deeply")
	}
	if p.elems++; p.elems > p.opt.Limits.Elements {
		return p.fail("too many elements")
	}
	at := int32(len(d.nodes))
	start := p.pos
	p.pos++
	nameLen, prefixLen, ok := p.qname()
	if !ok {
		return false
	}
	d.nodes = append(d.nodes, node{
		kind: elementNode, start: int32(start), parent: parent,
		nameLen: nameLen, prefixLen: prefixLen,
		attr: int32(len(d.attrs)), decl: int32(len(d.decls)),
	})
	p.depth = append(p.depth, frame{at, len(p.scope), true})
	empty, plain, ok := p.attributes()
	if !ok || !p.bind(&d.nodes[at]) {
		return false
	}
	if plain {
		d.nodes[at].flags = plainTag
	}
	if empty {
		p.close(p.pos)
	}
	return true
}

// attributes reads all up to the end of a start tag. It reports whether it was
// an empty-element tag, and whether the tag stands as canonical XML writes it:
// single blanks, double quotes, nothing to escape, and unqualified attributes
// in their order.
func (p *Parser) attributes() (empty, plain, ok bool) {
	src := p.doc.src
	plain = true
	var last []byte // name of the attribute before
	for count := 0; ; count++ {
		before := p.pos
		p.spaces()
		switch p.peek(0) {
		case '>':
			plain = plain && p.pos == before
			p.pos++
			return false, plain, true
		case '/':
			if p.peek(1) != '>' {
				return false, false, p.fail("a / inside of a tag")
			}
			p.pos += 2
			return true, false, true
		}
		if p.pos >= len(src) {
			return false, false, p.fail("the end of the document inside of a tag")
		}
		if p.pos == before {
			return false, false, p.fail("no white space between attributes, or a bad name")
		}
		if count >= p.opt.Limits.Attributes {
			return false, false, p.fail("too many attributes")
		}
		a, declares, ok := p.attribute()
		if !ok {
			return false, false, false
		}
		if plain {
			name := src[a.name : a.name+int32(a.nameLen)]
			plain = !declares && a.plain(src) && p.precedes(before, a) && bytes.Compare(last, name) < 0
			last = name
		}
	}
}

// plain reports whether an attribute stands as canonical XML writes it, if it
// may stand at this place: unqualified, and name="value".
func (a *attr) plain(src []byte) bool {
	return a.prefixLen == 0 && a.flags == 0 && a.val-a.name == int32(a.nameLen)+2 && src[a.val-1] == '"'
}

// precedes reports whether nothing but one blank stands between an offset and
// an attribute.
func (p *Parser) precedes(offset int, a attr) bool {
	return int(a.name) == offset+1 && p.doc.src[offset] == ' '
}

// attribute reads an attribute or a namespace declaration.
func (p *Parser) attribute() (a attr, declares, ok bool) {
	src := p.doc.src
	name := p.pos
	nameLen, prefixLen, ok := p.qname()
	if !ok {
		return a, false, false
	}
	p.spaces()
	if p.peek(0) != '=' {
		return a, false, p.fail("an attribute without a value")
	}
	p.pos++
	p.spaces()
	quote := p.peek(0)
	if quote != '"' && quote != '\'' {
		return a, false, p.fail("an attribute value without quotes")
	}
	p.pos++
	val := p.pos
	n := bytes.IndexByte(src[val:], quote)
	if n < 0 {
		return a, false, p.fail("an attribute value without an end")
	}
	flags, ok := p.attrFlags(val, val+n, quote)
	if !ok {
		return a, false, false
	}
	p.pos = val + n + 1
	a = attr{flags: flags, nameLen: nameLen, prefixLen: prefixLen,
		name: int32(name), val: int32(val), stop: int32(val + n)}
	qname := src[name : name+int(nameLen)]
	switch {
	case string(qname) == "xmlns":
		return a, true, p.declare(nil, &a)
	case prefixLen == 5 && string(qname[:5]) == "xmlns":
		return a, true, p.declare(qname[6:], &a)
	}
	p.doc.attrs = append(p.doc.attrs, a)
	return a, false, true
}

// attrFlags looks for what makes a value differ from its canonical form, and
// checks the references in it.
func (p *Parser) attrFlags(val, stop int, quote byte) (flags uint8, ok bool) {
	value := p.doc.src[val:stop]
	if p.holds(rareLT, val, stop) {
		return 0, p.failAt(p.next[rareLT], "a < in an attribute value")
	}
	if quote == '\'' && bytes.IndexByte(value, '"') >= 0 {
		flags = special
	}
	if p.holds(rareCR, val, stop) || p.holds(rareLF, val, stop) || p.holds(rareTab, val, stop) {
		flags = cooked | special
	}
	if !p.holds(rareAmp, val, stop) {
		return flags, true
	}
	for i := 0; i < len(value); i++ {
		if value[i] != '&' {
			continue
		}
		_, n := reference(value[i:])
		if n == 0 {
			return 0, p.failAt(val+i, "an entity that is not one of the five predefined ones, or a bad character reference")
		}
		i += n - 1
	}
	return cooked | special, true
}

// declare adds a namespace declaration to the open element (Namespaces in XML
// 1.0, sections 3 and 5).
func (p *Parser) declare(prefix []byte, a *attr) bool {
	d := &p.doc
	ns := d.intern(d.attrValue(a))
	switch {
	case ns == XMLNS || string(prefix) == "xmlns":
		return p.fail("the namespace of xmlns declared")
	case (ns == XML) != (string(prefix) == "xml"):
		return p.fail("the prefix xml, or its namespace, bound anew")
	case ns == NoNamespace && len(prefix) > 0:
		return p.fail("a prefix bound to no namespace")
	}
	at := p.depth[len(p.depth)-1].node
	for k := d.nodes[at].decl; k < int32(len(d.decls)); k++ {
		if bytes.Equal(d.decls[k].prefix, prefix) {
			return p.fail("a prefix declared twice")
		}
	}
	if len(p.scope)+len(d.outside) >= p.opt.Limits.Namespaces {
		return p.fail("too many namespace declarations in scope")
	}
	p.scope = append(p.scope, int32(len(d.decls)))
	d.decls = append(d.decls, decl{prefix: prefix, ns: ns})
	return true
}

// bind gives the element and its attributes their namespaces, once all
// declarations of the start tag are known.
func (p *Parser) bind(n *node) bool {
	d := &p.doc
	n.attrLen = uint16(len(d.attrs) - int(n.attr))
	n.declLen = uint16(len(d.decls) - int(n.decl))
	ns, ok := p.lookup(d.src[n.start+1 : n.start+1+int32(n.prefixLen)])
	if !ok {
		return p.failAt(int(n.start), "a prefix that is not declared")
	}
	n.ns = ns
	own := d.attrs[n.attr:]
	for i := range own {
		a := &own[i]
		if a.prefixLen > 0 {
			if a.ns, ok = p.lookup(d.src[a.name : a.name+int32(a.prefixLen)]); !ok {
				return p.failAt(int(a.name), "a prefix that is not declared")
			}
		}
		for j := range own[:i] {
			if own[j].ns == a.ns && bytes.Equal(d.attrLocal(&own[j]), d.attrLocal(a)) {
				return p.failAt(int(a.name), "an attribute that stands twice")
			}
		}
		if a.ns == NoNamespace && string(d.attrLocal(a)) == "ID" && !p.uniqueID(a) {
			return false
		}
	}
	return true
}

// lookup resolves a prefix among the declarations in scope.
func (p *Parser) lookup(prefix []byte) (Namespace, bool) {
	for i := len(p.scope) - 1; i >= 0; i-- {
		if o := &p.doc.decls[p.scope[i]]; bytes.Equal(o.prefix, prefix) {
			return o.ns, true
		}
	}
	for i := range p.doc.outside {
		if o := &p.doc.outside[i]; bytes.Equal(o.prefix, prefix) {
			return o.ns, true
		}
	}
	switch string(prefix) {
	case "":
		return NoNamespace, true
	case "xml":
		return XML, true
	}
	return NoNamespace, false
}

// uniqueID refuses an ID that another element of the document has.
func (p *Parser) uniqueID(a *attr) bool {
	d := &p.doc
	id := d.attrValue(a)
	if d.HasID(id) {
		return p.failAt(int(a.name), "an ID that stands twice")
	}
	if len(d.ids) <= internAfter {
		d.ids = append(d.ids, id)
		return true
	}
	if len(d.idSet) == 0 {
		if d.idSet == nil {
			d.idSet = make(map[string]bool)
		}
		for _, other := range d.ids {
			d.idSet[string(other)] = true
		}
	}
	d.idSet[string(id)] = true
	return true
}

// qname reads a qualified name: one or two names around a colon.
func (p *Parser) qname() (nameLen, prefixLen uint16, ok bool) {
	start := p.pos
	prefix := 0
	if !p.ncname() {
		return 0, 0, p.fail("a bad name")
	}
	if p.pos < len(p.doc.src) && p.doc.src[p.pos] == ':' {
		prefix = p.pos - start
		p.pos++
		if !p.ncname() {
			return 0, 0, p.fail("a bad name")
		}
		if p.peek(0) == ':' {
			return 0, 0, p.fail("a name with two colons")
		}
	}
	if p.pos-start > p.opt.Limits.Name {
		return 0, 0, p.failAt(start, "a name that is too long")
	}
	return uint16(p.pos - start), uint16(prefix), true
}

// ncname reads a name without a colon.
func (p *Parser) ncname() bool {
	src, i := p.doc.src, p.pos
	if i < len(src) && class[src[i]]&nameStart != 0 {
		for i++; i < len(src) && class[src[i]]&nameChar != 0; i++ {
		}
		if i == len(src) || src[i] < utf8.RuneSelf {
			p.pos = i
			return true
		}
	}
	return p.unicodeName()
}

// unicodeName reads a name that is not plain ASCII, or is none.
func (p *Parser) unicodeName() bool {
	src := p.doc.src
	start := p.pos
	for p.pos < len(src) {
		c := src[p.pos]
		if class[c]&nameChar != 0 {
			if p.pos == start && class[c]&nameStart == 0 {
				return false
			}
			p.pos++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, n := utf8.DecodeRune(src[p.pos:])
		if !isNameStart(r) && (p.pos == start || !isNameChar(r)) {
			break
		}
		p.pos += n
	}
	return p.pos > start
}
