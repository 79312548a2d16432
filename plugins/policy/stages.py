"""The steps of the task ``imitation``, each in a process that sees its inputs only.

What passes between them, as dicts of arrays (E episodes, T steps at most, A actions):

- the item, ``episodes``: ``{"environment": id, "params": {...}, "seeds": [...], "budget": int,
  "demonstrations": int, "heldout": int}``: a block of episodes, each with its seed;
- ``demonstrations`` and ``heldout``: ``observations`` (E, T, ...), ``actions`` (E, T) int64 or
  (E, T, a) float32, ``lengths`` (E,);
- ``contexts``: ``demonstrations`` (E, c), ``heldout`` (E, c), float32: what the expert knew;
- ``environment``: the ``environment`` of :class:`~harness_plugins.policy.interface.Policy.fit`,
  with ``budget`` and the versions of what simulates it;
- ``information``: ``{"demonstrations": episodes, "simulator_steps": n, "expert_queries": n,
  "privileged": bool}``;
- ``trajectories``: ``rewards`` (E, T) float64, NaN after the end, ``lengths`` (E,),
  ``terminated`` (E,) bool, ``context`` (E, c), ``actions``, ``observations``, ``seeds`` (E,);
  ``expert_actions`` (what the expert would have done, where it can be asked), ``regret`` (E, T)
  where it is known exactly, ``success`` (E,) bool where the environment says what that is,
  ``probabilities`` (E, T, A) where the policy gives them, ``interventional`` (E, T, A) where the
  exact interventional policy can be computed;
- ``replayed``: ``log_prob`` (E, T) of the expert's actions on held-out demonstrations, NaN after
  the end.
"""
