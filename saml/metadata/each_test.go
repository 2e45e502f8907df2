package metadata_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/metadata"
	"sallyport/saml/samltest"
)

// named is one entity of an aggregate, without a namespace declaration of its
// own.
func named(id string) string {
	return `<md:EntityDescriptor entityID="` + id + `">` +
		role(key("signing", cert(samltest.RSA2048)), sso("HTTP-Redirect", "https://idp.example/sso")) + "</md:EntityDescriptor>"
}

func aggregate(attrs string, inside ...string) string {
	return `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"` + attrs + ">" +
		strings.Join(inside, "\n") + "</md:EntitiesDescriptor>"
}

func read(r io.Reader, o metadata.Options) (ids []string, err error) {
	err = metadata.Each(r, o, func(e metadata.Entity) error {
		ids = append(ids, e.ID)
		return nil
	})
	return ids, err
}

func TestAnAggregateIsReadEntityByEntity(t *testing.T) {
	doc := "\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<!-- a > b -->\n" + aggregate(` Name="a>b"`,
		"<!-- <md:EntityDescriptor -->",
		`<md:Extensions><x xmlns="urn:x" a="/md:EntitiesDescriptor>"><![CDATA[</x>]]></x></md:Extensions>`,
		named("https://one.example"),
		`<md:EntitiesDescriptor>`+named("https://two.example")+`<md:EntitiesDescriptor/>`+`</md:EntitiesDescriptor >`,
		named("https://three.example")) + "\n<!-- end -->\n"
	for name, r := range map[string]io.Reader{
		"at once":           strings.NewReader(doc),
		"an octet a time":   iotest.OneByteReader(strings.NewReader(doc)),
		"with the end late": iotest.DataErrReader(strings.NewReader(doc)),
	} {
		ids, err := read(r, metadata.Options{})
		if want := []string{"https://one.example", "https://two.example", "https://three.example"}; err != nil || !cmp.Equal(ids, want) {
			t.Errorf("%s: %q, %v", name, ids, err)
		}
	}
}

func TestOneBadEntityDoesNotSpoilTheOthers(t *testing.T) {
	bad := strings.Replace(named("https://bad.example"), "https://idp.example/sso", "javascript:alert(1)", 1)
	found, err := metadata.Parse([]byte(aggregate("", named("https://one.example"), "", bad, named("https://two.example"))))
	if err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	if found[0].Fault != nil || found[0].IdP == nil || found[1].IdP != nil || found[2].IdP == nil {
		t.Errorf("%+v", found)
	}
	if f := found[1].Fault; f == nil || f.Line != 5 || !strings.Contains(f.Reason, "javascript") {
		t.Errorf("%+v", f)
	}
}

func TestValidityIsTheNarrowest(t *testing.T) {
	doc := aggregate(` validUntil="2030-01-01T00:00:00Z" cacheDuration="P1DT2H"`,
		strings.Replace(named("https://one.example"), "entityID", `validUntil="2029-01-01T00:00:00Z" cacheDuration="PT1H30M" entityID`, 1),
		strings.Replace(named("https://two.example"), "entityID", `validUntil="2031-01-01T00:00:00Z" cacheDuration="P2D" entityID`, 1),
		named("https://three.example"))
	found, err := metadata.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		year  int
		cache time.Duration
	}{{2029, 90 * time.Minute}, {2030, 26 * time.Hour}, {2030, 26 * time.Hour}} {
		if found[i].ValidUntil.Year() != want.year || found[i].CacheDuration != want.cache {
			t.Errorf("%s: %v, %v", found[i].ID, found[i].ValidUntil, found[i].CacheDuration)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]string{
		"P1D": "24h0m0s", "PT6H": "6h0m0s", "P1Y2M3DT4H5M6S": "10276h5m6s", "PT0.5S": "0s",
		"P": "", "PT": "", "1D": "", "-P1D": "", "P1H": "", "PT999999999999999H": "", "P200Y": "",
	} {
		found, err := metadata.Parse([]byte(strings.Replace(aggregate("", named("https://one.example")), "entityID", `cacheDuration="`+text+`" entityID`, 1)))
		switch {
		case want == "" && err == nil:
			t.Errorf("%s is taken", text)
		case want != "" && (err != nil || found[0].CacheDuration.String() != want):
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAggregatesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		doc  string
		line int
		want string
	}{
		"text between":        {aggregate("", named("https://one.example"), "text"), 3, "text between"},
		"text before":         {"x" + aggregate("", named("https://one.example")), 1, "text before"},
		"something behind":    {aggregate("", named("https://one.example")) + "\n<x/>", 3, "behind"},
		"CDATA between":       {aggregate("", "<![CDATA[x]]>"), 1, "markup"},
		"a doctype inside":    {aggregate("", "\n<!DOCTYPE x>"), 2, "DOCTYPE"},
		"an instruction":      {aggregate("", "", "<?x?>"), 2, "processing instruction"},
		"no end":              {`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">`, 1, "end of the document"},
		"the wrong end":       {`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + "\n</md:EntityDescriptor>", 2, "does not match"},
		"a cut start tag":     {`<md:EntitiesDescriptor xmlns:md="urn:`, 1, "end of the document"},
		"another namespace":   {`<EntitiesDescriptor xmlns="urn:x"/>`, 1, "not one of SAML 2.0 metadata"},
		"an entity cut short": {aggregate("", "\n"+named("https://one.example")[:60]), 2, "not well-formed"},
		"nested too deeply":   {strings.Repeat(`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">`, 20), 1, "too deeply"},
		"a bad instant":       {aggregate(` validUntil="soon"`, named("https://one.example")), 1, "validUntil"},
		"nothing":             {"", 1, "empty"},
		"a bad declaration":   {`<?xml version="1.1"?>` + aggregate("", named("https://one.example")), 1, "version"},
	} {
		_, err := read(strings.NewReader(c.doc), metadata.Options{})
		var e *metadata.Error
		if !errors.As(err, &e) || !strings.Contains(e.Reason, c.want) || e.Line != c.line {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pins are the certificates of keys.
func pins(names ...string) (list []*x509.Certificate) {
	for _, n := range names {
		list = append(list, samltest.NamedKey(n).Certificate)
	}
	return list
}

func sign(t testing.TB, doc, id, method string) string {
	t.Helper()
	key := samltest.NamedKey(samltest.RSA2048Other)
	signed, err := dsig.Sign([]byte(doc), id, dsig.SignOptions{Key: key.Private, Prefix: "ds", Place: dsig.First,
		Certificates: []*x509.Certificate{key.Certificate}, Transform: dsig.Canonicalization{URI: method}})
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

func TestAPinnedCertificateHasToHaveSigned(t *testing.T) {
	entities := []string{"\r\n  <!-- one -->", named("https://one.example"), `<md:EntitiesDescriptor xmlns:x="urn:x" x:y="1">`,
		named("https://two.example"), "</md:EntitiesDescriptor>\n"}
	whole := aggregate(` ID="_whole" xmlns:u="urn:unused"`, entities...)
	own := strings.Replace(named("https://one.example"), "entityID", `ID="_own" xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID`, 1)
	other := samltest.RSA2048Other
	for _, method := range []string{dsig.ExcC14N, dsig.C14N10, dsig.C14N11, dsig.ExcC14NComments} {
		signed := sign(t, whole, "_whole", method)
		if ids, err := read(strings.NewReader(signed), metadata.Options{Pins: pins(samltest.EC256, other)}); err != nil || len(ids) != 2 {
			t.Errorf("%s: %q, %v", method, ids, err)
		}
	}
	signed := sign(t, whole, "_whole", dsig.ExcC14N)
	for name, c := range map[string]struct {
		doc  string
		pins []*x509.Certificate
		ok   bool
	}{
		"signed, nothing pinned":         {signed, nil, true},
		"another certificate pinned":     {signed, pins(samltest.RSA3072), false},
		"not signed":                     {whole, pins(other), false},
		"changed in an entity":           {strings.Replace(signed, "two.example", "2wo.example", 1), pins(other), false},
		"changed in the start tag":       {strings.Replace(signed, "urn:unused", "urn:other", 1), pins(other), true}, // not a part of the exclusive form
		"an attribute added":             {strings.Replace(signed, ` ID="_whole"`, ` ID="_whole" Name="x"`, 1), pins(other), false},
		"an entity added":                {strings.Replace(signed, "</md:EntitiesDescriptor>\n</md:", named("https://evil.example")+"</md:EntitiesDescriptor>\n</md:", 1), pins(other), false},
		"an entity before the signature": {strings.Replace(signed, "<ds:Signature", named("https://evil.example")+"<ds:Signature", 1), pins(other), false},
		"white space between changed":    {strings.Replace(signed, "</md:EntitiesDescriptor>\n", "</md:EntitiesDescriptor>\n\n", 1), pins(other), false},
		"a comment removed":              {strings.Replace(signed, "<!-- one -->", "", 1), pins(other), true}, // nor are comments
		"an entity signed on its own":    {sign(t, own, "_own", dsig.ExcC14N), pins(other), true},
		"an entity that was changed":     {strings.Replace(sign(t, own, "_own", dsig.ExcC14N), "one.example", "two.example", 1), pins(other), false},
		"one entity signed, one not":     {aggregate("", sign(t, own, "_own", dsig.ExcC14N), named("https://two.example")), pins(other), false},
		"entities signed, whole not":     {aggregate("", sign(t, own, "_own", dsig.ExcC14N)), pins(other), true},
	} {
		if _, err := read(strings.NewReader(c.doc), metadata.Options{Pins: c.pins}); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSignaturesOfAggregatesAgreeWithXMLSec has an independent program verify
// what is signed and canonicalized piece by piece.
func TestSignaturesOfAggregatesAgreeWithXMLSec(t *testing.T) {
	if _, err := exec.LookPath("xmlsec1"); err != nil {
		t.Fatal("xmlsec1 is not installed: apt-get install xmlsec1")
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "cert.der")
	if err := os.WriteFile(key, samltest.NamedKey(samltest.RSA2048Other).Certificate.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, inside := range [][]string{
		{named("https://one.example"), "\n\t", named("https://two.example")},
		{"\r\n", `<md:EntitiesDescriptor xmlns="urn:default">`, named("https://one.example"), `</md:EntitiesDescriptor>`},
		{`<md:Extensions xmlns:e="urn:e"><e:x a="&lt;&#10;" b='"'>&amp;]]&gt;</e:x></md:Extensions>`, named("https://one.example")},
	} {
		for _, method := range []string{dsig.ExcC14N, dsig.C14N10} {
			doc := sign(t, aggregate(` ID="_whole"`, inside...), "_whole", method)
			file := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
			if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("xmlsec1", "--verify", "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:metadata:EntitiesDescriptor",
				"--pubkey-cert-der", key, file).CombinedOutput()
			if err != nil {
				t.Fatalf("xmlsec1: %s", out)
			}
			if _, err := read(strings.NewReader(doc), metadata.Options{Pins: pins(samltest.RSA2048Other)}); err != nil {
				t.Errorf("%d %s: %v", i, method, err)
			}
		}
	}
}

// endless makes an aggregate of a size without holding it.
type endless struct {
	left    int
	current bytes.Buffer
	n       int
	ended   bool
}

func (e *endless) Read(p []byte) (int, error) {
	for e.current.Len() == 0 {
		switch {
		case e.n == 0:
			e.current.WriteString(`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">`)
		case e.left > 0:
			e.current.WriteString(named(fmt.Sprintf("https://idp%d.example", e.n)))
		case e.ended:
			return 0, io.EOF
		default:
			e.current.WriteString("</md:EntitiesDescriptor>")
			e.ended = true
		}
		e.n++
		e.left -= e.current.Len()
	}
	return e.current.Read(p)
}

// TestALargeAggregateTakesLittleMemory reads one of the size of eduGAIN's, in
// CI a tenth of it.
func TestALargeAggregateTakesLittleMemory(t *testing.T) {
	size := 10 << 20
	if os.Getenv("SOAK") != "" {
		size = 100 << 20
	}
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, most := 0, uint64(0)
	start := time.Now()
	err := metadata.Each(&endless{left: size}, metadata.Options{}, func(metadata.Entity) error {
		if n++; n%500 == 0 {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
		return nil
	})
	if err != nil || n < size/3000 {
		t.Fatal(n, err)
	}
	t.Logf("%d MB, %d entities: %v, heap at most %d kB", size>>20, n, time.Since(start), (most-min(most, before.HeapAlloc))>>10)
	if most > before.HeapAlloc+32<<20 {
		t.Errorf("the heap grew to %d MB", most>>20)
	}
}

func TestTheSizeOfAStreamIsLimited(t *testing.T) {
	if _, err := read(&endless{left: 1 << 20}, metadata.Options{MaxSize: 1 << 19}); err == nil || !strings.Contains(err.Error(), "larger than 524288 octets") {
		t.Error(err)
	}
	huge := aggregate("", `<md:EntityDescriptor entityID="`+strings.Repeat("x", 6<<20)+`"/>`)
	if _, err := read(strings.NewReader(huge), metadata.Options{}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
	fails := errors.New("the network is gone")
	if _, err := read(io.MultiReader(strings.NewReader("<a"), iotest.ErrReader(fails)), metadata.Options{}); !errors.Is(err, fails) {
		t.Error(err)
	}
	if err := metadata.Each(strings.NewReader(aggregate("", named("https://one.example"))), metadata.Options{}, func(metadata.Entity) error { return fails }); !errors.Is(err, fails) {
		t.Error(err)
	}
}

// FuzzParse gives any document: reading it ends, with an error for people or
// with Identity Providers that a relation can be configured with; and with a
// pinned certificate only what was signed comes out.
func FuzzParse(f *testing.F) {
	doc := entity(role(key("", cert(samltest.RSA2048)), sso("HTTP-POST", "https://idp.example")))
	f.Add([]byte(doc))
	f.Add([]byte(aggregate("", "<!-- x -->", named("https://one.example"), named("https://two.example"))))
	f.Add(samltest.NewIdP().Metadata())
	for _, text := range []string{"", "<html>", "{}", "-----BEGIN", "https://idp.example"} {
		f.Add([]byte(text))
	}
	signed := make(map[string]bool)
	for _, id := range []string{"https://one.example", "https://two.example"} {
		signed[id] = true
	}
	f.Add([]byte(sign(f, aggregate(` ID="all"`, named("https://one.example"), named("https://two.example")), "all", dsig.ExcC14N)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		found, err := metadata.Parse(doc)
		var told *metadata.Error
		if err != nil && (!errors.As(err, &told) || told.Reason == "") || err == nil && len(found) == 0 {
			t.Errorf("%d entities, %v", len(found), err)
		}
		for _, e := range found {
			if (e.IdP == nil) != (e.Fault != nil) {
				t.Errorf("%+v", e)
			}
			if e.IdP == nil || len(e.IdP.Certificates) == 0 {
				continue
			}
			if _, err := saml.New(saml.Config{EntityID: "x", ACSURL: "https://sp.example", IdP: *e.IdP}); err != nil {
				t.Errorf("%v: %+v", err, e)
			}
		}
		ids, err := read(bytes.NewReader(doc), metadata.Options{Pins: pins(samltest.RSA2048Other)})
		for _, id := range ids {
			if err == nil && !signed[id] {
				t.Errorf("%s was never signed", id)
			}
		}
	})
}

func FuzzEach(f *testing.F) {
	f.Add([]byte(aggregate("", "<!-- x -->", named("https://one.example"))))
	f.Add([]byte(entity(role(key("", cert(samltest.RSA2048)), sso("HTTP-POST", "https://idp.example")))))
	f.Add([]byte("<a b='>'/>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if len(doc) > 1<<16 {
			return
		}
		one, err1 := read(bytes.NewReader(doc), metadata.Options{})
		two, err2 := read(iotest.OneByteReader(bytes.NewReader(doc)), metadata.Options{})
		if !cmp.Equal(one, two) || (err1 == nil) != (err2 == nil) {
			t.Errorf("cut differently: %q %v, %q %v", one, err1, two, err2)
		}
	})
}

// TestADocumentThatBreaksOff: what the reader says of it is not mistaken for a
// document that ends too soon.
func TestADocumentThatBreaksOff(t *testing.T) {
	whole := aggregate("", named("https://idp.example"))
	for _, at := range []int{40, len(whole) / 2, len(whole) - 40, len(whole) - 1} {
		broken := io.MultiReader(strings.NewReader(whole[:at]), iotest.ErrReader(io.ErrUnexpectedEOF))
		err := metadata.Each(broken, metadata.Options{}, func(metadata.Entity) error { return nil })
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d of %d: %v", at, len(whole), err)
		}
	}
}
