package testserver;

import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Makes requests fail the way real servers do. All off by default; POST /faults?name=value&... sets the
 * named ones and switches the others off:
 *
 * <p>token=T (401 unless "Authorization: Bearer T"), rps=N (429 + Retry-After above N requests in one
 * second), cursors=N (410 for the second use of a page link's cursor, N times), p503=P (probability of
 * 503), delay=MS (latency).
 *
 * <p>GET /faults answers how often each has struck since then.
 */
final class Faults implements Filter {
  private record Settings(String token, int rps, double p503, long delay) {}

  private volatile Settings settings = new Settings(null, 0, 0, 0);
  private final AtomicInteger cursorsLeft = new AtomicInteger();
  private final ConcurrentHashMap<String, Boolean> cursors = new ConcurrentHashMap<>();
  private final AtomicLong second = new AtomicLong();
  private final AtomicLong seen = new AtomicLong();
  private final ConcurrentHashMap<Integer, AtomicLong> struck = new ConcurrentHashMap<>();

  @Override
  public void doFilter(ServletRequest rq, ServletResponse rs, FilterChain chain)
      throws IOException, ServletException {
    HttpServletRequest req = (HttpServletRequest) rq;
    HttpServletResponse res = (HttpServletResponse) rs;
    if (req.getRequestURI().equals("/faults")) {
      administer(req, res);
      return;
    }
    if (!strike(req, res)) {
      chain.doFilter(rq, rs);
    }
  }

  private void administer(HttpServletRequest req, HttpServletResponse res) throws IOException {
    if (req.getMethod().equals("POST")) {
      settings =
          new Settings(
              req.getParameter("token"),
              Integer.parseInt(parameter(req, "rps")),
              Double.parseDouble(parameter(req, "p503")),
              Long.parseLong(parameter(req, "delay")));
      cursorsLeft.set(Integer.parseInt(parameter(req, "cursors")));
      cursors.clear();
      struck.clear();
    }
    res.setContentType("application/json");
    res.getWriter().print("{");
    String comma = "";
    for (var entry : struck.entrySet()) {
      res.getWriter().print(comma + "\"" + entry.getKey() + "\":" + entry.getValue());
      comma = ",";
    }
    res.getWriter().println("}");
  }

  private static String parameter(HttpServletRequest req, String name) {
    String value = req.getParameter(name);
    return value == null ? "0" : value;
  }

  /** Answers the request with a fault that is due; false when none is. */
  private boolean strike(HttpServletRequest req, HttpServletResponse res) throws IOException {
    Settings now = settings;
    if (now.token != null && !("Bearer " + now.token).equals(req.getHeader("Authorization"))) {
      res.setHeader("WWW-Authenticate", "Bearer error=\"invalid_token\"");
      return fail(res, 401, "login", "Token missing, expired or wrong");
    }
    pause(now.delay);
    if (now.rps > 0 && tooMany(now.rps)) {
      res.setHeader("Retry-After", "1");
      return fail(res, 429, "throttled", "Too many requests");
    }
    String page = req.getMethod().equals("GET") ? req.getParameter("_getpages") : null;
    if (page != null && cursors.putIfAbsent(page, true) != null && cursorsLeft.getAndDecrement() > 0) {
      return fail(
          res, 410, "processing", "HAPI-0417: Search ID \\\"" + page + "\\\" does not exist and may have expired");
    }
    if (now.p503 > 0 && ThreadLocalRandom.current().nextDouble() < now.p503) {
      return fail(res, 503, "transient", "Injected outage");
    }
    return false;
  }

  private boolean tooMany(int most) {
    long now = System.currentTimeMillis() / 1000;
    if (second.getAndSet(now) != now) {
      seen.set(0);
    }
    return seen.incrementAndGet() > most;
  }

  private static void pause(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean fail(HttpServletResponse res, int status, String code, String text) throws IOException {
    struck.computeIfAbsent(status, ignored -> new AtomicLong()).incrementAndGet();
    res.setStatus(status);
    res.setContentType("application/fhir+json;charset=UTF-8");
    res.getWriter()
        .write(
            "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":\""
                + code + "\",\"diagnostics\":\"" + text + "\"}]}");
    return true;
  }
}
