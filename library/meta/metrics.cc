#include "library/meta/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

namespace wellhead::meta {
namespace {

// Never destroyed: threads may count while the process ends.
prometheus::Registry& registry() {
  static auto* const all = new prometheus::Registry;
  return *all;
}

// The series of a family, found by their label values without building prometheus-cpp's maps each time.
template <class Metric>
class Series {
 public:
  Series(prometheus::Family<Metric>& family, std::vector<std::string> labels)
      : family_(family), labels_(std::move(labels)) {}

  template <class... Made>
  Metric& at(LabelValues values, const Made&... made) {
    std::string key;
    for (const auto value : values) key.append(value).push_back('\x1f');
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = known_.find(key); found != known_.end()) return *found->second;
    }
    prometheus::Labels labels;
    auto name = labels_.begin();
    for (const auto value : values) {
      if (name != labels_.end()) labels.emplace(*name++, value);
    }
    auto& metric = family_.Add(labels, made...);
    const std::lock_guard lock(mutex_);
    known_.emplace(std::move(key), &metric);
    return metric;
  }
  bool has_labels() const { return !labels_.empty(); }

 private:
  prometheus::Family<Metric>& family_;
  const std::vector<std::string> labels_;
  std::shared_mutex mutex_;
  std::unordered_map<std::string, Metric*> known_;
};

template <class Action>
void count(const Action& action) noexcept {
  try {
    action();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): out of memory; what is counted goes on
  }
}

}  // namespace

struct CounterFamily::State {
  Series<prometheus::Counter> series;
};

CounterFamily::CounterFamily(const std::string& name, const std::string& help, std::vector<std::string> labels)
    : state_(new State{{prometheus::BuildCounter().Name(name).Help(help).Register(registry()), std::move(labels)}}) {
  if (!state_->series.has_labels()) state_->series.at({});
}

CounterFamily::~CounterFamily() = default;

void CounterFamily::add(LabelValues values, double amount) noexcept {
  count([&] { state_->series.at(values).Increment(amount); });
}

struct GaugeFamily::State {
  Series<prometheus::Gauge> series;
};

GaugeFamily::GaugeFamily(const std::string& name, const std::string& help, std::vector<std::string> labels)
    : state_(new State{{prometheus::BuildGauge().Name(name).Help(help).Register(registry()), std::move(labels)}}) {
  if (!state_->series.has_labels()) state_->series.at({});
}

GaugeFamily::~GaugeFamily() = default;

void GaugeFamily::set(LabelValues values, double value) noexcept {
  count([&] { state_->series.at(values).Set(value); });
}

void GaugeFamily::add(LabelValues values, double amount) noexcept {
  count([&] { state_->series.at(values).Increment(amount); });
}

Gauge GaugeFamily::at(LabelValues values) { return Gauge(&state_->series.at(values)); }

void Gauge::add(double amount) const noexcept { static_cast<prometheus::Gauge*>(series_)->Increment(amount); }

struct HistogramFamily::State {
  Series<prometheus::Histogram> series;
  std::vector<double> bounds;
};

HistogramFamily::HistogramFamily(const std::string& name, const std::string& help, std::vector<std::string> labels,
                                 std::vector<double> bounds)
    : state_(new State{{prometheus::BuildHistogram().Name(name).Help(help).Register(registry()), std::move(labels)},
                       std::move(bounds)}) {
  if (!state_->series.has_labels()) state_->series.at({}, state_->bounds);
}

HistogramFamily::~HistogramFamily() = default;

void HistogramFamily::observe(LabelValues values, double value) noexcept {
  count([&] { state_->series.at(values, state_->bounds).Observe(value); });
}

std::string metrics_text() { return prometheus::TextSerializer().Serialize(registry().Collect()); }

}  // namespace wellhead::meta
