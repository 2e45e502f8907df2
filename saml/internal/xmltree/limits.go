package xmltree

import "fmt"

// Limits bound what a document may hold. A zero field means its default.
type Limits struct {
	Depth      int // of nested elements; 64
	Elements   int // in all; 20,000
	Attributes int // of one element, namespace declarations included; 128
	Namespaces int // declarations in scope at one element; 64
	Name       int // octets of one qualified name; 1,024
}

// MaxSize is the greatest length of a document in octets. Offsets are kept in
// 32 bits.
const MaxSize = 1<<31 - 1

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Depth, 64)
	def(&l.Elements, 20_000)
	def(&l.Attributes, 128)
	def(&l.Namespaces, 64)
	def(&l.Name, 1024)
	l.Name = min(l.Name, 1<<16-1)
	l.Attributes = min(l.Attributes, 1<<16-1)
	return l
}

// Reasons of a [SyntaxError] that are told apart by others.
const (
	ReasonDoctype  = "a document type declaration (DOCTYPE)"
	ReasonEncoding = "an encoding other than UTF-8"
)

// A SyntaxError says where a document stops being acceptable, and why.
type SyntaxError struct {
	Line   int // from 1
	Column int // in octets, from 1
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}
