package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// profile loads the gateway once more and says where its CPU time and its
// memory go: dir gets the profiles <name>.cpu.pprof and <name>.allocs.pprof, and
// in <name>.txt the functions that use most.
func profile(ctx context.Context, g *gateway, l load, dir string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cpu, allocs := filepath.Join(dir, g.name+".cpu.pprof"), filepath.Join(dir, g.name+".allocs.pprof")
	ended := make(chan error, 1)
	go func() {
		_, err := l.run(ctx, g.url)
		ended <- err
	}()
	// The CPU profile lies within the load, a second from its beginning.
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	seconds := max(int(l.length.Seconds())-2, 1)
	if err := g.download(ctx, fmt.Sprintf("profile?seconds=%d", seconds), cpu); err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return fmt.Errorf("profiling %s: %w", g.name, err)
	}
	if err := g.download(ctx, "allocs", allocs); err != nil {
		return err
	}
	return printTops(ctx, filepath.Join(dir, g.name+".txt"), [][]string{
		{"-flat", cpu},
		{"-cum", cpu},
		{"-sample_index=alloc_space", "-cum", allocs},
		{"-sample_index=alloc_objects", "-flat", allocs},
	})
}

// printTops writes what `go tool pprof -top` says with each list of arguments.
func printTops(ctx context.Context, file string, lists [][]string) error {
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("printing a profile: %w", err)
	}
	defer out.Close()
	for _, arguments := range lists {
		top := exec.CommandContext(ctx, "go", append([]string{"tool", "pprof", "-top", "-nodecount=60"}, arguments...)...)
		top.Stdout = out
		if err := top.Run(); err != nil {
			return fmt.Errorf("printing a profile: %w", err)
		}
		fmt.Fprintln(out)
	}
	return out.Close()
}

// download saves a profile of the gateway, from Caddy's admin endpoint.
func (g *gateway) download(ctx context.Context, name, file string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+"/debug/pprof/"+name, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("profiling %s: %w", g.name, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profiling %s: %s answered %s", g.name, name, resp.Status)
	}
	to, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("profiling %s: %w", g.name, err)
	}
	defer to.Close()
	if _, err := io.Copy(to, resp.Body); err != nil {
		return fmt.Errorf("profiling %s: %w", g.name, err)
	}
	return to.Close()
}
