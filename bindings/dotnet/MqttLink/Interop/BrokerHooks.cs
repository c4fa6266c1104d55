using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    /// <summary>
    /// The program's hooks of a broker, and the functions that the library calls for them. Nothing that a hook throws
    /// gets out: it refuses, and is told.
    /// </summary>
    internal sealed class BrokerHooks
    {
        private static readonly AuthenticateFunction AuthenticateCall = OnAuthenticate;
        private static readonly AuthorizeFunction AuthorizeCall = OnAuthorize;
        private static readonly InterceptFunction InterceptCall = OnIntercept;
        private static readonly ExchangeBeginFunction ExchangeBeginCall = OnExchangeBegin;
        private static readonly ExchangeStepFunction ExchangeStepCall = OnExchangeStep;
        private static readonly BrokerEventFunction EventCall = OnEvent;
        private static readonly FreeFunction FreeUserCall = OnFree;

        internal Func<MqttConnectRequest, MqttReason> Authenticate { get; set; }

        internal Func<MqttAccess, bool> Authorize { get; set; }

        internal Func<MqttDraft, MqttReason> Intercept { get; set; }

        internal Func<MqttPeer, IMqttExchange> Exchange { get; set; }

        internal Action<MqttBrokerEvent> Event { get; set; }

        internal Action<Exception> Error { get; set; }

        internal static FreeFunction FreeUser => FreeUserCall;

        /// <summary>A pointer for callbacks, which the library has freed by <see cref="FreeUser"/>.</summary>
        internal static IntPtr User(object target)
        {
            return GCHandle.ToIntPtr(GCHandle.Alloc(target));
        }

        /// <summary>What such a pointer stands for.</summary>
        internal static T Target<T>(IntPtr user)
        {
            return (T)GCHandle.FromIntPtr(user).Target;
        }

        /// <summary>Has the options call those hooks that there are now.</summary>
        internal void Register(BrokerOptionsHandle options)
        {
            var hooks = (BrokerHooks)MemberwiseClone();
            if (Authenticate != null)
            {
                MqttException.Check(NativeMethods.mqttlink_broker_options_on_authenticate(
                    options, AuthenticateCall, User(hooks), FreeUserCall));
            }
            if (Authorize != null)
            {
                MqttException.Check(NativeMethods.mqttlink_broker_options_on_authorize(
                    options, AuthorizeCall, User(hooks), FreeUserCall));
            }
            if (Intercept != null)
            {
                MqttException.Check(NativeMethods.mqttlink_broker_options_on_intercept(
                    options, InterceptCall, User(hooks), FreeUserCall));
            }
            if (Exchange != null)
            {
                MqttException.Check(NativeMethods.mqttlink_broker_options_on_exchange(
                    options, ExchangeBeginCall, ExchangeStepCall, FreeUserCall, User(hooks), FreeUserCall));
            }
            if (Event != null)
            {
                MqttException.Check(NativeMethods.mqttlink_broker_options_on_event(
                    options, EventCall, User(hooks), FreeUserCall));
            }
        }

        /// <summary>Runs a hook; what it throws is told, and <paramref name="otherwise"/> is the answer.</summary>
        private static T Run<T>(IntPtr user, T otherwise, Func<BrokerHooks, T> hook)
        {
            BrokerHooks hooks = null;
            try
            {
                if (RunningHandles.Exiting)
                {
                    return otherwise;
                }
                hooks = Target<BrokerHooks>(user);
                return hook(hooks);
            }
            catch (Exception exception)
            {
                hooks?.Tell(exception);
                return otherwise;
            }
        }

        private void Tell(Exception exception)
        {
            try
            {
                Error?.Invoke(exception);
            }
            catch
            {
                // The handler of errors has failed; there is nobody left to tell.
            }
        }

        private static int OnAuthenticate(IntPtr user, IntPtr broker, IntPtr peer, IntPtr reply)
        {
            return Run(user, (int)MqttReason.UnspecifiedError, hooks =>
            {
                var request = new MqttConnectRequest(MqttPeer.From(peer));
                var reason = hooks.Authenticate(request);
                SetUser(reply, request.User);
                return (int)reason;
            });
        }

        private static bool OnAuthorize(
            IntPtr user, IntPtr broker, IntPtr peer, int action, IntPtr topic, int qos, bool retain, IntPtr message)
        {
            return Run(user, false, hooks => hooks.Authorize(new MqttAccess(
                MqttPeer.From(peer), (MqttAction)action, Text.FromNative(topic), (MqttQoS)qos, retain)));
        }

        private static int OnIntercept(IntPtr user, IntPtr broker, IntPtr peer, IntPtr message, IntPtr draft)
        {
            return Run(user, (int)MqttReason.ImplementationSpecificError, hooks =>
            {
                var original = new MqttMessage(message, null, false);
                var changed = new MqttDraft(MqttPeer.From(peer), original);
                var reason = hooks.Intercept(changed);
                if (reason == MqttReason.Success)
                {
                    Apply(original, changed, draft);
                }
                return (int)reason;
            });
        }

        private static unsafe void Apply(MqttMessage original, MqttDraft changed, IntPtr draft)
        {
            if (changed.Topic != original.Topic)
            {
                MqttException.Check(
                    NativeMethods.mqttlink_draft_set_topic(draft, Text.Required(changed.Topic, "topic")));
            }
            if (!ReferenceEquals(changed.Payload, original.Payload))
            {
                var payload = changed.Payload ?? Array.Empty<byte>();
                fixed (byte* data = payload)
                {
                    MqttException.Check(
                        NativeMethods.mqttlink_draft_set_payload(draft, data, NativeMethods.Size(payload.Length)));
                }
            }
            if (changed.QoS != original.QoS)
            {
                MqttException.Check(NativeMethods.mqttlink_draft_set_qos(draft, (int)changed.QoS));
            }
            if (changed.Retain != original.Retain)
            {
                MqttException.Check(NativeMethods.mqttlink_draft_set_retain(draft, changed.Retain));
            }
            if (!ReferenceEquals(changed.Properties, original.Properties))
            {
                using (var list = MqttProperties.ToNative(changed.Properties))
                {
                    MqttException.Check(
                        NativeMethods.mqttlink_draft_set_properties(draft, list?.Pointer ?? IntPtr.Zero));
                }
            }
        }

        private static int OnExchangeBegin(IntPtr user, IntPtr broker, IntPtr peer, out IntPtr exchange)
        {
            var pointer = IntPtr.Zero;
            var code = Run(user, (int)MqttReason.UnspecifiedError, hooks =>
            {
                var begun = hooks.Exchange(MqttPeer.From(peer));
                if (begun == null)
                {
                    return (int)MqttReason.BadAuthenticationMethod;
                }
                pointer = User(new RunningExchange { Hooks = hooks, Exchange = begun });
                return 0;
            });
            exchange = pointer;
            return code;
        }

        private static int OnExchangeStep(IntPtr exchange, IntPtr data, UIntPtr length, IntPtr reply)
        {
            RunningExchange running = null;
            try
            {
                if (RunningHandles.Exiting)
                {
                    return (int)MqttReason.UnspecifiedError;
                }
                running = Target<RunningExchange>(exchange);
                var step = running.Exchange.Step(Text.Bytes(data, length) ?? Array.Empty<byte>());
                SetData(reply, step.Data);
                SetUser(reply, step.User);
                return (int)step.Reason;
            }
            catch (Exception exception)
            {
                running?.Hooks.Tell(exception);
                return (int)MqttReason.UnspecifiedError;
            }
        }

        private static void OnEvent(IntPtr user, IntPtr broker, IntPtr brokerEvent)
        {
            Run(user, false, hooks =>
            {
                hooks.Event(MqttBrokerEvent.From(Marshal.PtrToStructure<NativeBrokerEvent>(brokerEvent)));
                return true;
            });
        }

        private static void OnFree(IntPtr user)
        {
            if (user != IntPtr.Zero)
            {
                GCHandle.FromIntPtr(user).Free();
            }
        }

        private static void SetUser(IntPtr reply, string user)
        {
            if (user != null)
            {
                MqttException.Check(NativeMethods.mqttlink_reply_set_user(reply, Text.ToNative(user, "user")));
            }
        }

        private static unsafe void SetData(IntPtr reply, byte[] data)
        {
            if (data == null)
            {
                return;
            }
            fixed (byte* start = data)
            {
                MqttException.Check(
                    NativeMethods.mqttlink_reply_set(reply, start, NativeMethods.Size(data.Length)));
            }
        }

        private sealed class RunningExchange
        {
            internal BrokerHooks Hooks;
            internal IMqttExchange Exchange;
        }
    }
}
