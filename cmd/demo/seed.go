package main

import (
	"context"
	"io"
	"net/http"
)

// Who is there in the demo. All have the same password, here and at the
// Identity Provider.
const (
	ownerEmail       = "owner@acme.test"
	newEmail         = "new@acme.test"
	exemptEmail      = "exempt@acme.test"
	independentEmail = "somebody@elsewhere.test"
	userEmail        = "user@acme.test" // in the tutorial
	companyDomain    = "acme.test"
	demoPassword     = "open the gate"
)

type object = map[string]any

// seed makes the organization, connects it with the Identity Provider in both
// directions, and enforces its domain.
func seed(ctx context.Context, s *sallyport, idp *idp) error {
	var failed error
	// call stops at the first failure.
	call := func(method, path string, body any) object {
		if failed != nil {
			return object{"id": ""}
		}
		var answer object
		answer, failed = s.call(ctx, method, path, body)
		if failed != nil {
			return object{"id": ""}
		}
		return answer
	}
	id := func(o object) string { v, _ := o["id"].(string); return v }

	org := id(call("POST", "/organizations", object{"name": "Acme"}))
	domain := id(call("POST", "/organizations/"+org+"/domains", object{"name": companyDomain}))
	call("POST", "/domains/"+domain+"/verify", object{"method": "operator"})
	owner := id(call("POST", "/organizations/"+org+"/users", object{"email": ownerEmail, "role": "owner", "password": demoPassword}))
	exempt := id(call("POST", "/organizations/"+org+"/users", object{"email": exemptEmail, "password": demoPassword}))
	call("POST", "/organizations/"+org+"/users", object{"email": newEmail})
	call("POST", "/users", object{"email": independentEmail, "password": demoPassword})
	account := id(call("POST", "/organizations/"+org+"/accounts", object{"name": "Production"}))
	call("PUT", "/accounts/"+account+"/members/"+owner, object{"roles": []string{"administrator", "billing"}})
	call("PUT", "/accounts/"+account+"/members/"+exempt, object{"roles": []string{"viewer"}})

	profile := call("POST", "/organizations/"+org+"/sso-profiles",
		object{"name": "Demo Identity Provider", "idp": "other", "metadata_xml": idp.metadata()})
	profileID := id(profile)
	if failed == nil {
		ours, _ := profile["metadata_url"].(string)
		var raw []byte
		if raw, failed = fetch(ctx, ours); failed == nil {
			failed = idp.register("acme", ours, raw)
		}
	}
	call("POST", "/sso-profiles/"+profileID+"/tests", object{"method": "operator"})
	call("PUT", "/domains/"+domain+"/enforcement",
		object{"sso_profile_id": profileID, "exempt_user_ids": []string{exempt}, "acknowledge": true})
	return failed
}

// seedTutorial makes the organization and its owner, and leaves everything else
// to whoever follows the tutorial.
func seedTutorial(ctx context.Context, s *sallyport) error {
	org, err := s.call(ctx, "POST", "/organizations", object{"name": "Acme"})
	if err != nil {
		return err
	}
	id, _ := org["id"].(string)
	_, err = s.call(ctx, "POST", "/organizations/"+id+"/users", object{"email": ownerEmail, "role": "owner", "password": demoPassword})
	return err
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}
