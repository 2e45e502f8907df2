package api_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/testenv/parts"
)

func TestKeysAtTheAPI(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newServer(t, p)
		x := s.tenant(t, "acme.test")
		o := &program{s, t, s.token(t, x.ID, access.ScopeSSO)}
		path := x.target("/sso-profiles/{id}")
		slo := parts.BaseURL + "/saml/" + strings.TrimPrefix(path, "/sso-profiles/") + "/slo"
		o.has(o.do(200, "GET", path, nil), object{"slo_url": slo})
		first := o.do(200, "GET", path+"/keys", nil)
		o.has(first, object{"items.0.state": "current", "items.0.remove_at": nil, "next_cursor": nil, "items.1": nil,
			"items.0.subject": "CN=Sallyport " + strings.TrimPrefix(path, "/sso-profiles/")})
		if raw := get(first, "items.0.certificate").(string); !strings.HasPrefix(raw, "-----BEGIN CERTIFICATE-----\n") {
			t.Error(raw)
		}
		if len(get(first, "items.0").(object)) != 9 {
			t.Errorf("%v", first) // no private key, in whatever form
		}
		for _, wrong := range []any{"soon", "7", "-1d", "1.5h", "91d", "", 7, true, "0d"} {
			if wrong == "" {
				continue // the default
			}
			o.has(o.do(422, "POST", path+"/keys", object{"delay": wrong}), object{"code": "invalid"})
		}
		o.has(o.do(422, "POST", path+"/keys", object{"overlap": "7d"}), object{"code": "invalid"})
		next := o.do(201, "POST", path+"/keys", object{})
		o.has(next, object{"state": "next", "remove_at": nil, "active_at": p.Now().Add(7 * 24 * time.Hour).Format(time.RFC3339Nano)})
		o.has(o.do(200, "GET", path+"/keys", nil), object{"items.0.state": "current", "items.0.remove_at": p.Now().Add(14*24*time.Hour - time.Millisecond).Format(time.RFC3339Nano),
			"items.1.state": "next", "items.1.id": next["id"]})
		o.has(o.do(409, "POST", path+"/keys", object{"delay": "0"}), object{"code": "conflict"})
		o.has(o.do(403, "POST", "/keys/reseal", nil), object{"code": "forbidden"})
		operator := &program{s, t, s.token(t, "", access.ScopeAdmin)}
		operator.has(operator.do(200, "POST", "/keys/reseal", nil), object{"resealed": 0.0})
	})
}
