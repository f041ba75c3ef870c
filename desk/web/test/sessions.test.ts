import { expect, test } from "vitest";
import { browserOf, failureIn } from "../src/sessions.ts";

test.each([
  ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Linux"],
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge", "Windows"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", "Safari", "macOS"],
  ["Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome", "Android"],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1", "Safari", "iOS"],
  ["python-httpx2/2.16.2", "python-httpx2", ""],
  ["", "", ""],
])("a browser is named as people call it: %s", (userAgent, browser, system) => {
  expect(browserOf(userAgent)).toEqual([browser, system]);
});

test("only a word of the address becomes a reason", () => {
  expect(failureIn("#login/unknown_person")).toBe("unknown_person");
  for (const hash of ["", "#overview", "#login/", "#login/<b>", `#login/${"x".repeat(41)}`]) expect(failureIn(hash)).toBeNull();
});
