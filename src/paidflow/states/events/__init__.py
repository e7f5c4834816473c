"""What can be recorded about a paid action.

Facts say what was seen and move nothing. Steps move the action on: each names the one trigger of
the state table that it fires. Events carry ids, amounts and reasons, never texts.
"""

from paidflow.states.events.action import CancelDeclined as CancelDeclined
from paidflow.states.events.action import CancelRequested as CancelRequested
from paidflow.states.events.action import CaptureRequested as CaptureRequested
from paidflow.states.events.action import Failed as Failed
from paidflow.states.events.action import FailureReason as FailureReason
from paidflow.states.events.action import Held as Held
from paidflow.states.events.action import InvoiceAwaited as InvoiceAwaited
from paidflow.states.events.action import LatePolicy as LatePolicy
from paidflow.states.events.action import Mode as Mode
from paidflow.states.events.action import Paid as Paid
from paidflow.states.events.action import PursesReserved as PursesReserved
from paidflow.states.events.action import Requested as Requested
from paidflow.states.events.action import RetryRequested as RetryRequested
from paidflow.states.events.attempt import AttemptClosed as AttemptClosed
from paidflow.states.events.attempt import AttemptEvent as AttemptEvent
from paidflow.states.events.attempt import AttemptStarted as AttemptStarted
from paidflow.states.events.attempt import Closure as Closure
from paidflow.states.events.attempt import HoldSeen as HoldSeen
from paidflow.states.events.attempt import InvoiceAttached as InvoiceAttached
from paidflow.states.events.attempt import LateHoldSeen as LateHoldSeen
from paidflow.states.events.attempt import PaymentSeen as PaymentSeen
from paidflow.states.events.attention import ABOUT_HOOKS as ABOUT_HOOKS
from paidflow.states.events.attention import ABOUT_MONEY as ABOUT_MONEY
from paidflow.states.events.attention import AttentionAsked as AttentionAsked
from paidflow.states.events.attention import AttentionReason as AttentionReason
from paidflow.states.events.attention import AttentionResolved as AttentionResolved
from paidflow.states.events.event import Event as Event
from paidflow.states.events.event import Events as Events
from paidflow.states.events.pay_out import ForwardLost as ForwardLost
from paidflow.states.events.pay_out import PayOutEvent as PayOutEvent
from paidflow.states.events.pay_out import PayOutFailed as PayOutFailed
from paidflow.states.events.pay_out import PayOutPlanned as PayOutPlanned
from paidflow.states.events.pay_out import PayOutRequested as PayOutRequested
from paidflow.states.events.pay_out import PayOutSeen as PayOutSeen
from paidflow.states.events.pay_out import PayOutSettled as PayOutSettled
from paidflow.states.events.reversal import DisputeEnded as DisputeEnded
from paidflow.states.events.reversal import DisputeOpened as DisputeOpened
from paidflow.states.events.reversal import PursesRefunded as PursesRefunded
from paidflow.states.events.reversal import RefundDecided as RefundDecided
from paidflow.states.events.reversal import RefundRequested as RefundRequested
from paidflow.states.events.reversal import RefundReturned as RefundReturned
from paidflow.states.events.reversal import Restored as Restored
from paidflow.states.events.reversal import ReversalConfirmed as ReversalConfirmed
from paidflow.states.events.reversal import ReversalEvent as ReversalEvent
from paidflow.states.events.reversal import ReversalSeen as ReversalSeen
from paidflow.states.events.reversal import ReversalUndone as ReversalUndone
from paidflow.states.events.reversal import Reversed as Reversed
from paidflow.states.events.unclaimed import LatePaymentRefused as LatePaymentRefused
from paidflow.states.events.unclaimed import PaymentClaimed as PaymentClaimed
from paidflow.states.events.unclaimed import PaymentCredited as PaymentCredited
from paidflow.states.events.work import Hook as Hook
from paidflow.states.events.work import HookDone as HookDone
from paidflow.states.events.work import HookFailed as HookFailed
from paidflow.states.events.work import Performed as Performed
from paidflow.states.events.work import Redone as Redone
