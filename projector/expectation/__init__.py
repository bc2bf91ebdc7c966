"""What is expected of actions, and whether it holds: `check(Query(…), [Expectation(action_id="backup", …)])`."""

from projector.expectation.check import check as check
from projector.expectation.expectation import Expectation as Expectation
from projector.expectation.judgement import Facts as Facts
from projector.expectation.judgement import Judgement as Judgement
from projector.expectation.judgement import State as State
from projector.expectation.judgement import judge as judge
