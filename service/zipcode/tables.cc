#include "service/zipcode/tables.h"

#include "service/observation/observation.h"
#include "service/patient/patient.h"
#include "service/resource/table.h"

namespace wellhead::zipcode {

const converter::View& patient_view() {
  static const auto view = converter::View::parse(patient::patient_view_json());
  return view;
}

const converter::View& observation_view() {
  static const auto view = converter::View::parse(observation::observation_view_json());
  return view;
}

const converter::View& observation_component_view() {
  static const auto view = converter::View::parse(observation::observation_component_view_json());
  return view;
}

std::vector<converter::View> views() { return {patient_view(), observation_view(), observation_component_view()}; }

std::vector<storage::TargetTable> target_tables() {
  return {resource::target_table(patient_view()), resource::target_table(observation_view()),
          resource::child_table(observation_component_view(), observation_view())};
}

}  // namespace wellhead::zipcode
