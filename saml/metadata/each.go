package metadata

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"sallyport/saml"
	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xmltree"
)

// Options are for [Each].
type Options struct {
	// Pins are certificates, one of which has to have signed the document: all
	// of it, or each of its entities. Without pins signatures are not looked
	// at.
	Pins []*x509.Certificate
	// MaxSize is the greatest length of the document in octets; 150 MiB if
	// zero.
	MaxSize int64
}

// Limits of a document that is read entity by entity.
const (
	maxStream   = 150 << 20
	maxEntity   = 5 << 20 // octets of one entity
	maxElements = 2_000_000
	maxNesting  = 16 // of EntitiesDescriptors
)

// Each reads a document of any number of entities and calls f for each of them,
// in bounded memory. An error is an [*Error], or what f or the reader returned.
//
// With pins, what f is told counts only once Each has returned nil: the digest
// of the whole is known at its end.
func Each(r io.Reader, o Options, f func(Entity) error) error {
	if o.MaxSize == 0 {
		o.MaxSize = maxStream
	}
	limited := &limitedReader{r: r, left: o.MaxSize, size: o.MaxSize}
	e := &each{pieces: xmltree.NewPieces(limited, maxEntity), pins: o.Pins, f: f}
	err := e.document()
	var syntax *xmltree.SyntaxError
	if errors.As(err, &syntax) {
		return notWellFormed(syntax)
	}
	return err
}

// A limitedReader fails where io.LimitReader would end.
type limitedReader struct {
	r          io.Reader
	left, size int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n, Wrong(CodeTooLarge, 0, inWords(l.size))
	}
	return n, err
}

func inWords(size int64) string {
	if size%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", size>>20)
	}
	return fmt.Sprintf("%d octets", size)
}

// each is the work on one document.
type each struct {
	pieces     *xmltree.Pieces
	pins       []*x509.Certificate
	f          func(Entity) error
	parser     xmltree.Parser
	verifier   dsig.Verifier
	containers []container
	elements   int

	canonical c14n.Writer
	deferred  *dsig.Deferred // of the signature over the whole
	leading   []byte         // white space before it
	content   bool           // something else than it has come
}

// A container is an EntitiesDescriptor that has not ended yet.
type container struct {
	parser   xmltree.Parser // keeps the start tag
	start    xmltree.Element
	name     string
	validity Entity // the validity of all in it
}

var policy = dsig.Policy(signatureAlgorithms())

// signatureAlgorithms are those that messages may use by default.
func signatureAlgorithms() (p struct{ Signatures, Digests, Canonicalizations []string }) {
	a := saml.DefaultAlgorithms()
	p.Signatures, p.Digests, p.Canonicalizations = a.Signatures, a.Digests, a.Canonicalizations
	return p
}

func (e *each) document() error {
	if err := e.prolog(); err != nil {
		return err
	}
	for {
		if err := e.piece(); err != nil {
			return err
		}
		if len(e.containers) == 0 {
			return e.epilog()
		}
	}
}

// prolog skips what may stand before the document element.
func (e *each) prolog() error {
	if head, err := e.pieces.Peek(3); err == nil && string(head) == "\xEF\xBB\xBF" {
		e.pieces.Skip(len(head))
	}
	first := true
	for {
		head, err := e.pieces.Peek(5)
		if err != nil {
			return err
		}
		switch {
		case len(head) == 0:
			return e.fault(CodeEmpty)
		case string(head) == "<?xml" && !first:
			return e.fault(CodeNotWellFormed, "an XML declaration that does not stand at the start")
		case string(head) == "<?xml":
			_, raw, err := e.pieces.Next()
			if err != nil {
				return err
			}
			// The parser knows what it may say.
			if _, err := e.parser.Parse(append(bytes.Clone(raw), "<x/>"...), xmltree.Options{}); err != nil {
				return err
			}
		case bytes.HasPrefix(head, []byte("<!--")):
			if _, _, err := e.pieces.Next(); err != nil {
				return err
			}
		case head[0] == '<':
			return nil
		default:
			if _, raw, err := e.pieces.Next(); err != nil || len(xmltree.TrimSpace(raw)) > 0 {
				return errors.Join(err, e.fault(CodeNotWellFormed, "there is text before the document element"))
			}
		}
		first = false
	}
}

func (e *each) epilog() error {
	for {
		line := e.pieces.Line()
		kind, raw, err := e.pieces.Next()
		switch {
		case err == io.EOF:
			if e.deferred == nil {
				return nil
			}
			if err := e.canonical.Finish(); err != nil {
				return e.unsigned(err)
			}
			return e.unsigned(e.deferred.Check())
		case err != nil:
			return err
		case kind != xmltree.PieceComment && (kind != xmltree.PieceText || len(xmltree.TrimSpace(raw)) > 0):
			return Wrong(CodeBehind, line)
		}
	}
}

func (e *each) fault(code Code, details ...string) error {
	return Wrong(code, e.pieces.Line(), details...)
}

// unsigned says that a signature does not hold.
func (e *each) unsigned(err error) error {
	if err == nil {
		return nil
	}
	return Wrong(CodeSignature, 0, err.Error())
}

// piece reads what comes next: a container's start or end, an element, or what
// stands between.
func (e *each) piece() error {
	head, err := e.pieces.Peek(2)
	switch {
	case err != nil:
		return err
	case len(head) == 0:
		return e.fault(CodeNotWellFormed, "the end of the document inside of an element")
	case head[0] != '<' || head[0] == '<' && len(head) > 1 && (head[1] == '!' || head[1] == '/'):
		return e.between()
	}
	return e.element()
}

// between reads white space, a comment, or the end of a container.
func (e *each) between() error {
	line := e.pieces.Line()
	kind, raw, err := e.pieces.Next()
	if err != nil {
		return err
	}
	switch kind {
	case xmltree.PieceComment:
		return nil
	case xmltree.PieceText:
		if text := xmltree.TrimSpace(raw); len(text) > 0 {
			line += bytes.Count(raw[:bytes.Index(raw, text)], []byte("\n"))
			return Wrong(CodeTextBetween, line)
		}
		switch {
		case e.deferred != nil:
			e.canonical.Space(raw)
		case !e.content && len(e.leading) < 4096:
			e.leading = append(e.leading, raw...)
		}
		return nil
	case xmltree.PieceEnd:
		top := len(e.containers) - 1
		name := string(xmltree.TrimSpace(raw[2 : len(raw)-1]))
		if top < 0 || name != e.containers[top].name {
			return Wrong(CodeNotWellFormed, line, "an end tag that does not match its start tag")
		}
		e.containers = e.containers[:top]
		if e.deferred != nil {
			e.canonical.End()
		}
		return nil
	}
	return Wrong(CodeMarkupBetween, line)
}

// scope is what is bound around the next element.
func (e *each) scope() []xmltree.Binding {
	if len(e.containers) == 0 {
		return nil
	}
	return e.containers[len(e.containers)-1].start.Bindings()
}

// element reads a container's start tag, or a whole element.
func (e *each) element() error {
	line := e.pieces.Line()
	open, err := e.opens()
	if err != nil || open {
		return err
	}
	raw, err := e.pieces.Element()
	if err != nil {
		return err
	}
	doc, err := e.parser.Parse(raw, xmltree.Options{Markup: true, Scope: e.scope(), Limits: xmltree.Limits{Elements: 200_000}})
	if err != nil {
		return shifted(err, line)
	}
	if e.elements += doc.Elements(); e.elements > maxElements {
		return e.fault(CodeTooManyElements)
	}
	root := doc.Root()
	if root.Is(xmltree.DSig, "Signature") && len(e.containers) == 1 && !e.content && e.deferred == nil {
		return e.signature(root)
	}
	e.content = true
	if e.deferred != nil {
		e.canonical.Append(root)
	}
	if !root.Is(xmltree.Metadata, "EntityDescriptor") {
		if len(e.containers) == 0 {
			return Wrong(CodeNotMetadata, line, root.Name())
		}
		return nil // extensions, and what we do not know
	}
	return e.entity(root, line)
}

// opens takes the start tag that comes next if it is a container's.
func (e *each) opens() (bool, error) {
	head, err := e.pieces.Peek(maxStartTag)
	if err != nil {
		return false, err
	}
	// Most elements are told by their name alone.
	name, _, _ := bytes.Cut(head, []byte(" "))
	if !bytes.Contains(name, []byte("EntitiesDescriptor")) {
		return false, nil
	}
	line := e.pieces.Line()
	kind, raw, err := e.pieces.Next()
	if err != nil {
		return false, err
	}
	alone := raw
	if kind == xmltree.PieceStart {
		alone = append(bytes.Clone(raw[:len(raw)-1]), "/>"...)
	} else {
		alone = bytes.Clone(raw)
	}
	c := container{}
	doc, err := c.parser.Parse(alone, xmltree.Options{Scope: e.scope()})
	if err != nil {
		return false, shifted(err, line)
	}
	c.start = doc.Root()
	switch {
	case !c.start.Is(xmltree.Metadata, "EntitiesDescriptor"):
		return false, Wrong(CodeForeign, line, c.start.Name())
	case len(e.containers) >= maxNesting:
		return false, e.fault(CodeTooDeep)
	}
	return true, e.enter(c, kind)
}

// maxStartTag is how far a start tag is looked into for its name.
const maxStartTag = 128

func (e *each) enter(c container, kind xmltree.PieceKind) error {
	if err := c.validity.validity(c.start); err != nil {
		return err
	}
	if n := len(e.containers); n > 0 {
		c.validity.within(e.containers[n-1].validity)
	}
	if len(e.containers) > 0 {
		e.content = true
	}
	c.name = c.start.Name()
	e.containers = append(e.containers, c)
	if e.deferred != nil {
		e.canonical.Start(c.start)
	}
	if kind == xmltree.PieceEmpty {
		e.containers = e.containers[:len(e.containers)-1]
		if e.deferred != nil {
			e.canonical.End()
		}
	}
	return nil
}

// signature verifies the signature over the whole as far as that is possible at
// its beginning, and lets the rest run into its digest.
func (e *each) signature(el xmltree.Element) error {
	if e.pins == nil {
		return nil
	}
	root := e.containers[0].start
	var err error
	if e.deferred, err = e.verifier.Defer(el, root, e.pins, &policy); err != nil {
		return e.unsigned(err)
	}
	e.canonical.Begin(e.deferred.Hash, e.deferred.Method)
	e.canonical.Start(root)
	e.canonical.Space(e.leading)
	return nil
}

// entity hands an entity out. Where pins are set and no signature stands over
// the whole, the entity has one of its own.
func (e *each) entity(root xmltree.Element, line int) error {
	found, err := entity(root)
	if err != nil {
		return shifted(err, line)
	}
	if e.pins != nil && e.deferred == nil {
		sig := root.Child(xmltree.DSig, "Signature")
		if sig.IsZero() {
			return Wrong(CodeUnsigned, line)
		}
		if _, err := e.verifier.Verify(sig, root, e.pins, &policy); err != nil {
			return e.unsigned(err)
		}
	}
	if n := len(e.containers); n > 0 {
		found.within(e.containers[n-1].validity)
	}
	found.Line = line
	if found.Fault != nil {
		found.Fault.Line += line - 1
	}
	return e.f(found)
}

// shifted moves an error of a piece to its line in the document.
func shifted(err error, line int) error {
	var syntax *xmltree.SyntaxError
	var own *Error
	switch {
	case errors.As(err, &syntax):
		return &xmltree.SyntaxError{Line: syntax.Line + line - 1, Column: syntax.Column, Reason: syntax.Reason}
	case errors.As(err, &own) && own.Line > 0:
		return own.shifted(line)
	}
	return err
}
