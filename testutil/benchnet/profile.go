package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// profile is what a node spends its time on.
type profile struct {
	top string
	err error
}

// takeProfile waits for the load to warm up and reads node0's CPU profile over half of the time that is measured.
func takeProfile(ctx context.Context, wait, duration time.Duration) profile {
	select {
	case <-ctx.Done():
		return profile{err: ctx.Err()}
	case <-time.After(wait):
	}
	top, err := readProfile(ctx, max(duration/2, time.Second))
	return profile{top: top, err: err}
}

func readProfile(ctx context.Context, duration time.Duration) (string, error) {
	url := fmt.Sprintf("http://localhost:%d/debug/pprof/profile?seconds=%.0f", pprofPort, duration.Seconds())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("profile: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return "", fmt.Errorf("profile: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("profile: expected 200, got %s", resp.Status)
	}
	file, err := os.CreateTemp("", "benchnet-*.prof")
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // a temporary file
	_, err = file.Write(body)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	var text strings.Builder
	for _, order := range []string{"-flat", "-cum"} {
		out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", order, "-nodecount", "25", file.Name()).Output()
		if err != nil {
			return "", fmt.Errorf("pprof: %w", err)
		}
		text.WriteString(withoutHead(string(out)))
	}
	return text.String(), nil
}

// withoutHead leaves out the lines that name the file and the time of the profile.
func withoutHead(top string) string {
	var kept []string
	for line := range strings.Lines(top) {
		if strings.HasPrefix(line, "File:") || strings.HasPrefix(line, "Build ID:") || strings.HasPrefix(line, "Type:") || strings.HasPrefix(line, "Time:") {
			continue
		}
		kept = append(kept, strings.TrimRight(line, " \n")+"\n")
	}
	return strings.Join(kept, "")
}
