using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Engine
{
    /// <content>Requests: queued, sent when there is a connection and room, and told the outcome.</content>
    internal sealed partial class Core
    {
        private readonly LinkedList<Request> backlog = new LinkedList<Request>();
        private readonly PacketIds ids = new PacketIds();
        private int publishes;
        private int waiters;

        /// <summary>Accepts a request, and sends it if that goes without waiting.</summary>
        /// <param name="request">The request; its identifier is filled in.</param>
        /// <param name="limit">How many messages may have no outcome yet.</param>
        /// <param name="timeout">How long the server may take for an answer, in milliseconds.</param>
        internal ushort Accept(Request request, int limit, int timeout)
        {
            lock (gate)
            {
                if (isDisposed)
                {
                    throw new ObjectDisposedException("MqttClient");
                }

                if (request.Kind == RequestKind.Publish && publishes >= limit)
                {
                    throw new MqttClientException(MqttClientErrorCode.InflightQueueFull);
                }

                request.Id = ids.Take();
                responseTimeout = timeout;
                try
                {
                    Link current = link;
                    if (backlog.Count > 0 || current == null || !current.IsConnected || !TrySend(current, request))
                    {
                        backlog.AddLast(request);
                    }
                }
                catch (MqttException error)
                {
                    ids.GiveBack(request.Id);
                    throw Translation.RequestFailure(error);
                }
                catch
                {
                    ids.GiveBack(request.Id);
                    throw;
                }

                publishes += request.Kind == RequestKind.Publish ? 1 : 0;
                Remember(request);
                return request.Id;
            }
        }

        /// <summary>Waits for the outcome.</summary>
        /// <returns>False if the time was up first.</returns>
        internal bool Wait(Request request, int timeout)
        {
            return WaitUntil(() => request.IsDone, timeout);
        }

        /// <summary>Waits until every message has an outcome.</summary>
        /// <returns>False if the time was up first.</returns>
        internal bool WaitAll(int timeout)
        {
            return WaitUntil(() => publishes == 0, timeout);
        }

        /// <summary>The library tells an outcome.</summary>
        internal void Completed(Link from, ulong nativeId, MqttException error, int[] codes, string reason)
        {
            lock (gate)
            {
                Request request;
                if (from.Requests.TryGetValue(nativeId, out request))
                {
                    from.Requests.Remove(nativeId);
                    if (from.IsMuted)
                    {
                        Forget(request);
                        return;
                    }

                    bool goesAgain = error != null && error.Status == MqttStatus.NotSent && isWanted && !isDisposed
                        && request.Kind == RequestKind.Publish && from == link;
                    if (goesAgain)
                    {
                        backlog.AddLast(request);
                        return;
                    }

                    Finish(request, error, codes, reason);
                }
            }

            Pump();
        }

        private int responseTimeout = nanoFramework.M2Mqtt.MqttSettings.DefaultTimeout;

        /// <summary>Sends what waits, as far as that goes.</summary>
        private void Pump()
        {
            lock (gate)
            {
                Link current = link;
                while (backlog.Count > 0 && current != null && current.IsConnected)
                {
                    Request first = backlog.First.Value;
                    try
                    {
                        if (!TrySend(current, first))
                        {
                            return;
                        }

                        backlog.RemoveFirst();
                    }
                    catch (MqttException error)
                    {
                        // What was accepted without a connection turns out to be more than this server takes.
                        backlog.RemoveFirst();
                        Finish(first, error, null, error.Message);
                    }
                    catch (ArgumentException error)
                    {
                        backlog.RemoveFirst();
                        Finish(first, null, null, error.Message);
                    }
                }

                if (backlog.Count == 0 && waiters > 0)
                {
                    Monitor.PulseAll(gate);
                }
            }
        }

        private bool TrySend(Link current, Request request)
        {
            if (!current.TrySend(request))
            {
                return false;
            }

            if (request.Kind != RequestKind.Publish)
            {
                request.Timer = new Timer(state => Expire(current, request), null, responseTimeout, Timeout.Infinite);
            }

            return true;
        }

        /// <summary>The server has not answered in time.</summary>
        private void Expire(Link from, Request request)
        {
            lock (gate)
            {
                Request known;
                if (from.Requests.TryGetValue(request.NativeId, out known) && known == request)
                {
                    from.Requests.Remove(request.NativeId);
                    Finish(request, null, null, "the server has not answered within " + responseTimeout + " ms");
                }
            }
        }

        /// <summary>Notes the outcome, and makes the event of it. Under the lock.</summary>
        private void Finish(Request request, MqttException error, int[] codes, string reason)
        {
            request.Timer?.Dispose();
            request.IsAnswered = codes != null && (error == null || error.Status == MqttStatus.PublishRefused);
            request.Codes = codes ?? Enumerable.Repeat(
                error == null ? (int)MqttReasonCode.UnspecifiedError : Translation.ReasonOf(error),
                request.Filters == null ? 1 : request.Filters.Length).ToArray();
            request.Reason = request.Codes.Length > 0 ? request.Codes[0] : 0;
            request.Text = reason ?? error?.Message;
            request.IsDone = true;
            ids.GiveBack(request.Id);
            publishes -= request.Kind == RequestKind.Publish ? 1 : 0;
            if (waiters > 0)
            {
                Monitor.PulseAll(gate);
            }

            Tell(request, error == null && codes != null);
        }

        private void Tell(Request request, bool succeeded)
        {
            switch (request.Kind)
            {
                case RequestKind.Publish:
                    if (request.Qos > 0)
                    {
                        bool published = succeeded && request.Reason < 0x80;
                        var outcome = new MqttMsgPublishedDetailedEventArgs(
                            request.Id, published, (MqttReasonCode)request.Reason, published ? null : request.Text);
                        Dispatch.Post("MqttMsgPublished", () => Events.OnPublished(outcome));
                    }

                    break;
                case RequestKind.Subscribe:
                    if (!request.IsSilent)
                    {
                        var subscribed = new MqttMsgSubscribedDetailedEventArgs(request.Id,
                            Array.ConvertAll(request.Codes, MqttMsgSuback.Granted),
                            Array.ConvertAll(request.Codes, code => (MqttReasonCode)code), request.Text,
                            request.IsAnswered);
                        Dispatch.Post("MqttMsgSubscribed", () => Events.OnSubscribed(subscribed));
                    }

                    break;
                default:
                    var unsubscribed = new MqttMsgUnsubscribedDetailedEventArgs(request.Id,
                        Array.ConvertAll(request.Codes, code => (MqttReasonCode)code), request.Text,
                        request.IsAnswered);
                    Dispatch.Post("MqttMsgUnsubscribed", () => Events.OnUnsubscribed(unsubscribed));
                    break;
            }
        }

        /// <summary>Gives up what a link was handed.</summary>
        private void FailRequests(Link from, string why)
        {
            lock (gate)
            {
                foreach (Request request in from.Requests.Values.OrderBy(request => request.NativeId).ToList())
                {
                    Finish(request, null, null, why);
                }

                from.Requests.Clear();
            }
        }

        /// <summary>Forgets what a link was handed, without an event. Under the lock.</summary>
        private void ForgetRequests(Link from)
        {
            foreach (Request request in from.Requests.Values)
            {
                Forget(request);
            }

            from.Requests.Clear();
            Monitor.PulseAll(gate);
        }

        private void ForgetBacklog()
        {
            foreach (Request request in backlog)
            {
                Forget(request);
            }

            backlog.Clear();
            Monitor.PulseAll(gate);
        }

        private void Forget(Request request)
        {
            request.Timer?.Dispose();
            request.Codes = new[] { (int)MqttReasonCode.UnspecifiedError };
            request.Reason = (int)MqttReasonCode.UnspecifiedError;
            request.Text = "the client was closed";
            request.IsDone = true;
            ids.GiveBack(request.Id);
            publishes -= request.Kind == RequestKind.Publish ? 1 : 0;
        }

        private void WaitForBacklog(Link current, int timeout)
        {
            WaitUntil(() => backlog.Count == 0 || !current.IsConnected, timeout);
        }

        private bool WaitUntil(Func<bool> condition, int timeout)
        {
            using (Dispatch.Waiting())
            {
                lock (gate)
                {
                    Stopwatch clock = Stopwatch.StartNew();
                    waiters++;
                    try
                    {
                        while (!condition())
                        {
                            long left = timeout < 0 ? 1000 : timeout - clock.ElapsedMilliseconds;
                            if (left <= 0)
                            {
                                return false;
                            }

                            Monitor.Wait(gate, (int)Math.Min(left, 1000));
                        }

                        return true;
                    }
                    finally
                    {
                        waiters--;
                    }
                }
            }
        }
    }
}
