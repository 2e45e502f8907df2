package saml_test

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// lists are all URIs of an Algorithms, by the names of its lists.
func lists(a saml.Algorithms) map[string][]string {
	all := make(map[string][]string)
	for v, i := reflect.ValueOf(a), 0; i < v.NumField(); i++ {
		all[v.Type().Field(i).Name] = v.Field(i).Interface().([]string)
	}
	return all
}

// TestTheListsOfAlgorithms: supported is what is accepted by default and what is
// insecure; nothing is both, nothing stands twice, and nothing broken is
// accepted by default.
func TestTheListsOfAlgorithms(t *testing.T) {
	defaults, insecure := lists(saml.DefaultAlgorithms()), lists(saml.InsecureAlgorithms())
	for name, supported := range lists(saml.SupportedAlgorithms()) {
		if !slices.Equal(supported, slices.Concat(defaults[name], insecure[name])) || len(supported) == 0 {
			t.Errorf("%s: supported are %q", name, supported)
		}
		for i, uri := range supported {
			if slices.Contains(supported[:i], uri) {
				t.Errorf("%s stands twice in %s", uri, name)
			}
			for _, broken := range []string{"sha1", "md5", "hmac", "dsa-sha1", "-cbc", "rsa-1_5", "tripledes", "arcfour", "none"} {
				if slices.Contains(defaults[name], uri) && strings.Contains(uri, broken) {
					t.Errorf("%s is accepted by default", uri)
				}
			}
		}
	}
}

// TestAListIsTheCallersOwn: what is done with one changes no other.
func TestAListIsTheCallersOwn(t *testing.T) {
	for _, list := range lists(saml.SupportedAlgorithms()) {
		for i := range list {
			list[i] = "changed"
		}
	}
	for name, list := range lists(saml.SupportedAlgorithms()) {
		if slices.Contains(list, "changed") {
			t.Errorf("%s was changed", name)
		}
	}
}

// TestEveryAlgorithmHasAVector: some vector is accepted that uses it.
func TestEveryAlgorithmHasAVector(t *testing.T) {
	var accepted []string
	for _, v := range vectors(t) {
		if v.header["verdict"] != "accept" {
			continue
		}
		text := v.message
		if v.header["encoding"] == "query" {
			if q, err := url.ParseQuery(text); err == nil {
				text = `"` + q.Get("SigAlg") + `"`
			}
		}
		accepted = append(accepted, text)
	}
	for name, list := range lists(saml.SupportedAlgorithms()) {
		for _, uri := range list {
			if !slices.ContainsFunc(accepted, func(text string) bool { return strings.Contains(text, `"`+uri+`"`) }) {
				t.Errorf("%s: no accepted vector uses %s", name, uri)
			}
		}
	}
}

func TestAlgorithmsThatAreNotSupported(t *testing.T) {
	for name := range lists(saml.Algorithms{}) {
		for _, uri := range []string{"", "http://www.w3.org/2000/09/xmldsig#hmac-sha1", "http://www.w3.org/TR/1999/REC-xslt-19991116", "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"} {
			cfg := samltest.NewIdP().Config()
			cfg.Algorithms = saml.DefaultAlgorithms()
			list := reflect.ValueOf(&cfg.Algorithms).Elem().FieldByName(name)
			list.Set(reflect.Append(list, reflect.ValueOf(uri)))
			if _, err := saml.New(cfg); err == nil || !strings.Contains(err.Error(), "not supported") {
				t.Errorf("%s with %q: %v", name, uri, err)
			}
		}
	}
}
