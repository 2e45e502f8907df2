package record

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestNothingThatCouldHoldAValueIsShown(t *testing.T) {
	for in, want := range map[string]string{
		"": "",
		"<p:Response ID='a'><Issuer Format=\"f\">i</Issuer>\n</p:Response>": "<p:Response ID='a'><Issuer Format=\"f\">i</Issuer>\n</p:Response>",
		"<a><b/>x</a>":      "<a><b/>•••</a>",
		"<a c='x'><b/></a>": "<a c=\"•••\"><b/></a>",
		"<Attribute Name=\"n\" FriendlyName='f' q:v='x' Value='x'><Issuer>x</Issuer></Attribute>": "<Attribute Name=\"n\" FriendlyName=\"f\" q:v=\"•••\" Value=\"•••\"><Issuer>•••</Issuer></Attribute>",
		"<a><AttributeValue>x</AttributeValue></a>":                                               "<a><AttributeValue>•••</AttributeValue></a>",
		"<s:AttributeValue xsi:type='xs:string' ID='x'>x</s:AttributeValue>":                      "<s:AttributeValue xsi:type=\"xs:string\" ID=\"•••\">•••</s:AttributeValue>",
		"<AttributeValue/><AttributeValue></AttributeValue><Issuer>z</Issuer>":                    "<AttributeValue/><AttributeValue></AttributeValue><Issuer>z</Issuer>",
		"<AttributeValue v='x'/>": "<AttributeValue v=\"•••\"/>",
		"<AttributeValue><!-- x --><NameID>x</NameID>&lt;<![CDATA[x]]></AttributeValue>": "<AttributeValue>•••</AttributeValue>",
		"<AttributeValue><AttributeValue>x</AttributeValue>x</AttributeValue><c/>":       "<AttributeValue>•••</AttributeValue><c/>",
		"<AttributeValue><x/></AttributeValue>":                                          "<AttributeValue>•••</AttributeValue>",
		"<AttributeValue>x":                                                              "<AttributeValue>•••",
		"<AttributeValue>x</b>x</AttributeValue>":                                        "<AttributeValue>•••",
		"<AttributeValue>x</q:AttributeValue>x":                                          "<AttributeValue>•••",
		"<Issuer>clear<AttributeValue>x</b":                                              "<Issuer>clear<AttributeValue>•••",
		"<Issuer>clear<b c=>x</b>":                                                       "<Issuer>clear•••",
		"<Issuer><![CDATA[clear]]><e>x</e></Issuer>":                                     "<Issuer><![CDATA[clear]]><e>•••</e></Issuer>",
		"<e><Issuer>x</Issuer></e>":                                                      "<e><Issuer>•••</Issuer></e>",
		"<Response><!-- x --><?php x?><Issuer>i<!--x--></Issuer></Response>":             "<Response><!--•••--><?•••?><Issuer>i<!--•••--></Issuer></Response>",
		"<!DOCTYPE a [<!ENTITY e 'x'>]><Issuer>&e;</Issuer>":                             "<!•••><Issuer>•••",
		"no XML, a secret & more":                                                        "•••",
		"<a>&unknown;x</a>":                                                              "<a>•••",
		"<StatusCode Value='v'/><Subject Value='x'/>":                                    "<StatusCode Value='v'/><Subject Value=\"•••\"/>",
		"<?xml version='1.0' encoding='utf-16'?><a":                                      "•••",
		"<?xml version='1.0'?><Issuer>i</Issuer></Issuer>x":                              "<?xml version='1.0'?><Issuer>i</Issuer>•••",
	} {
		m := Message{Text: []byte(in)}.hidden()
		if got := m.Readable(); got != want {
			t.Errorf("%q\nbecomes %q,\nnot     %q", in, got, want)
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
