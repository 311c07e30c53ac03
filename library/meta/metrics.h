// What this process counts and measures, in Prometheus' text format (0.0.4). One registry a process, as Prometheus has
// it: whoever has something to count keeps a family, and /metrics shows them all.
//
//   static CounterFamily requests("wellhead_source_requests_total", "Requests to the source.", {"status"});
//   requests.add({"2xx"});
//
// Thread-safe and quick (a look-up and an atomic addition); nothing here throws once a family is made, because a count
// that is lost must not fail what it counts. Every combination of label values is a series that stays: values come from
// small fixed sets, never ids, zip codes, paths or anything of a patient.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::meta {

using LabelValues = std::initializer_list<std::string_view>;  // in the order of the family's labels

// Only grows, as long as the process lives.
class CounterFamily {
 public:
  // Two families of one name are the same series. Without labels the series is there from the start, at 0.
  CounterFamily(const std::string& name, const std::string& help, std::vector<std::string> labels = {});
  ~CounterFamily();
  void add(LabelValues values = {}, double amount = 1) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One series of a family, for who changes it too often to look it up each time. Good as long as the process lives.
class Gauge {
 public:
  void add(double amount) const noexcept;

 private:
  friend class GaugeFamily;
  explicit Gauge(void* series) : series_(series) {}
  void* series_;
};

class GaugeFamily {
 public:
  GaugeFamily(const std::string& name, const std::string& help, std::vector<std::string> labels = {});
  ~GaugeFamily();
  void set(LabelValues values, double value) noexcept;
  void add(LabelValues values, double amount) noexcept;
  Gauge at(LabelValues values);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class HistogramFamily {
 public:
  // bounds: upper ones of the buckets, ascending.
  HistogramFamily(const std::string& name, const std::string& help, std::vector<std::string> labels,
                  std::vector<double> bounds);
  ~HistogramFamily();
  void observe(LabelValues values, double value) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Everything that was counted so far.
std::string metrics_text();
constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace wellhead::meta
