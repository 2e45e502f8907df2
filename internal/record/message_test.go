package record

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestOnlyValuesOfAttributesAreHidden(t *testing.T) {
	for in, want := range map[string]string{
		"":                "",
		"<a><b/>text</a>": "<a><b/>text</a>",
		"<a><AttributeValue>x</AttributeValue>y</a>":                                     "<a><AttributeValue>•••</AttributeValue>y</a>",
		"<s:AttributeValue t='1'>x</s:AttributeValue>":                                   "<s:AttributeValue t='1'>•••</s:AttributeValue>",
		"<AttributeValue/><AttributeValue></AttributeValue>z":                            "<AttributeValue/><AttributeValue></AttributeValue>z",
		"<AttributeValue><!-- c --><NameID>n</NameID>&lt;<![CDATA[d]]></AttributeValue>": "<AttributeValue>•••</AttributeValue>",
		"<AttributeValue><AttributeValue>n</AttributeValue>m</AttributeValue>k":          "<AttributeValue>•••</AttributeValue>k",
		"<AttributeValue>x":                         "<AttributeValue>•••",
		"<a>clear<AttributeValue>x</b":              "<a>clear<AttributeValue>•••",
		"<a>clear<b c=>secret</b>":                  "<a>clear•••",
		"no XML, a secret & more":                   "•••",
		"<a>&unknown;secret</a>":                    "<a>•••",
		"<?xml version='1.0' encoding='utf-16'?><a": "•••",
	} {
		m := Message{Text: []byte(in)}.hidden()
		if got := m.Readable(); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
	if m := (Message{Text: []byte("secret"), Plain: true}).hidden(); string(m.Text) != hiddenText {
		t.Errorf("%q", m.Text)
	}
}

func TestWhatWasPostedComesBackAsItWas(t *testing.T) {
	long := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", MaxMessage)))
	for _, fields := range [][]string{nil, {""}, {"!"}, {"PGE+"}, {"PGE+", "PGE+"}, {"PGE"}, {"PGE+x"}, {long}} {
		m := ReadMessage(fields)
		p := packer{}
		packed, err := p.pack(&Details{Message: m})
		if err != nil {
			t.Fatal(err)
		}
		d, err := unpack(packed)
		if err != nil {
			t.Fatal(err)
		}
		back, ok := d.Message.Posted()
		if !ok || len(back) != len(fields) || len(fields) > 0 && back[0] != fields[0] {
			t.Errorf("%.20q comes back as %.20q, %v", fields, back, ok)
		}
	}
	for _, more := range []string{long + "eHh4", strings.Repeat("!", 3*MaxMessage)} {
		m := ReadMessage([]string{more})
		if _, ok := m.Posted(); ok || !m.Cut || len(m.Text) != MaxMessage {
			t.Errorf("%d octets are kept, cut: %v", len(m.Text), m.Cut)
		}
	}
}

func TestDamagedDetailsAreRefused(t *testing.T) {
	p := packer{}
	good, err := p.pack(&Details{Checks: []Check{{Name: "x"}}, Message: Message{Fields: 1, Text: []byte("message")}})
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := unpack(good[:n]); err == nil && n < len(good)-5 {
			t.Errorf("the first %d octets are taken", n)
		}
	}
	if d, err := unpack(good); err != nil || d.Checks[0].Name != "x" || string(d.Message.Text) != "message" {
		t.Errorf("%+v %v", d, err)
	}
}
