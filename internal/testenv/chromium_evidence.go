package testenv

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"
)

// Screenshot writes a PNG of the whole page, also what must be scrolled to, and
// returns the file's path. A relative path lies in a directory of the test's.
func (p *Page) Screenshot(path string) string {
	p.t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.t.ArtifactDir(), path)
	}
	p.check(p.screenshot(path), "Screenshot(%q)", path)
	return path
}

func (p *Page) screenshot(path string) error {
	ctx, cancel := context.WithTimeout(p.ctx, pageTimeout)
	defer cancel()
	return p.poll(ctx, func() error {
		// A page that was just loaded may have no layout yet.
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			return err
		}
		return os.WriteFile(path, png, 0o644)
	})
}

// check ends the test if err is one, with all that is known of the page.
func (p *Page) check(err error, verb string, args ...any) {
	if err == nil {
		return
	}
	p.t.Helper()
	p.t.Fatalf("%s: %v\n%s", fmt.Sprintf(verb, args...), err, p.describe())
}

// describe asks the page for no more than a picture: it may not answer.
func (p *Page) describe() string {
	var out strings.Builder
	fmt.Fprintf(&out, "  page: %s\n", p.loads.last())
	if path, err := p.evidence(); err == nil {
		fmt.Fprintf(&out, "  screenshot: %s\n", path)
	} else {
		fmt.Fprintf(&out, "  no screenshot: %v\n", err)
	}
	for _, problem := range p.Problems() {
		fmt.Fprintf(&out, "  problem: %s\n", problem)
	}
	return out.String()
}

// evidence leaves a screenshot where it can be found after the test: among the
// test's artifacts if they are kept (go test -artifacts), else in a temporary
// directory.
func (p *Page) evidence() (path string, err error) {
	dir := ""
	if kept := flag.Lookup("test.artifacts"); kept != nil && kept.Value.String() == "true" {
		dir = p.t.ArtifactDir()
	}
	file, err := os.CreateTemp(dir, "sallyport-page-*.png")
	if err != nil {
		return "", err
	}
	file.Close()
	if err := p.screenshot(file.Name()); err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}
